"""The emulated Paradex."""
