"""What the server decides: no I/O, no clock, no randomness of its own."""
