"""What touches the world on the server's behalf."""
