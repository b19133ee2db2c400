"""Binance USD-M futures, as an emulated venue speaks it."""
