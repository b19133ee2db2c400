"""The emulated Hyperliquid."""
