"""A mark in memory, which stays when a store is set back."""


class MemoryMark:
    """The Mark port; `noted` is what it holds."""

    def __init__(self, noted: int | None = None) -> None:
        self.noted = noted

    def read(self) -> int | None:
        """Return what was noted last."""
        return self.noted

    def advance(self, moves: int) -> None:
        """Note a higher count."""
        self.noted = moves
