"""WOO X as an emulated venue: REST and WebSockets of its API v3, and of the older ones what clients still use."""
