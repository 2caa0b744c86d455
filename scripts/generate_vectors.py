"""Let `make docs` keep tests/vectors/ up to date, and the test of generated pages check it."""

from scripts.make_vectors import pages

__all__ = ["pages"]
