"""Measurements of the real server and phone; `make bench` runs them."""
