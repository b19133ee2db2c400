"""The vocabulary of Lockstep."""
