"""Bybit v5, category linear, as an emulated venue speaks it."""
