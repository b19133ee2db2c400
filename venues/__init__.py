"""Real venues: for each a codec between its bytes and our messages, without IO, and its signing."""
