"""What touches the world: readers of captures, the recorder, libraries that match many patterns."""
