"""Bybit v5, category `linear`: what its bytes say, what ours must say, and when, without IO."""
