"""What touches the world on the phone's behalf."""
