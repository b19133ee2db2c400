"""Paradex's perpetuals."""
