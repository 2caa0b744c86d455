"""What the search asks of libraries and plug-ins; ports.py names them again for the layers above."""

from collections.abc import Iterable, Sequence
from typing import Protocol


class Matcher(Protocol):
    """Finds all of many patterns at once."""

    def find(self, data: bytes) -> Iterable[tuple[int, int, int]]:
        """Yield (number of the pattern, start, end) for every occurrence, overlapping ones too."""


class Engine(Protocol):
    """Makes matchers."""

    def build(self, patterns: Sequence[bytes]) -> Matcher:
        """Return a matcher for these patterns, none of them empty."""


class Decoder(Protocol):
    """A plug-in that undoes an encoding; entry points of the group `sayso.audit.decoders` name such objects."""

    name: str
    """What stands in the chain of a finding: lower case, letters, digits, dots."""

    def decode(self, data: bytes) -> Iterable[bytes]:
        """Yield what `data` may be after decoding; nothing if it is not of this encoding."""
