"""WOO X perpetuals: REST and WebSockets of its API v3."""
