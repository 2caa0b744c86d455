"""What decides: pure, given bytes, seeds, a `Random` and a clock's reading as arguments."""
