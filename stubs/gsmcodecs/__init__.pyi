# gsmcodecs 1.0 has no stub of its own; its import registers the codecs, and that is all that we use.
