"""What the phone decides: no I/O, no clock, no randomness of its own."""
