"""Binance USD-M futures, `binance-futures`: bytes to messages and commands to bytes, without IO."""
