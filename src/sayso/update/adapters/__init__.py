"""Where the update channel touches the world."""
