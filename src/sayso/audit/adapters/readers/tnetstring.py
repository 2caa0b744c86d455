"""Tagged netstrings, as mitmproxy's flow files use them: `LENGTH:DATA` and one sign for the type.

Values are slices until somebody asks: of a flow, certificates and connections are skipped without being parsed.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_LENGTH_DIGITS = 12
_LENGTH = re.compile(rb"([0-9]{1,%d}):" % MAX_LENGTH_DIGITS)
_TEXT_TYPES = b",;"
Value = bytes | str | int | float | bool | None


class NetstringError(ValueError):
    """The bytes are no tagged netstring."""


class Node(NamedTuple):
    """One value: `kind` is its type's sign, the data lies between `start` and `end` of `buffer`.

    A tuple, since a flow has a hundred of them.
    """

    buffer: bytes
    start: int
    end: int
    kind: int

    @property
    def raw(self) -> bytes:
        """The data as it stands."""
        return self.buffer[self.start : self.end]

    def octets(self) -> bytes:
        """The bytes of a text of either kind; nothing of any other type."""
        return self.raw if self.kind in _TEXT_TYPES else b""

    def text(self) -> str:
        """The same as text."""
        return self.octets().decode("utf-8", "backslashreplace")

    def number(self) -> float | None:
        """A number, or None."""
        if self.kind not in b"#^":
            return None
        try:
            return float(self.raw)
        except ValueError:
            return None

    def true(self) -> bool:
        """Whether it is the boolean that says so."""
        return self.kind == 0x21 and self.raw == b"true"  # noqa: PLR2004  !

    def items(self) -> list["Node"]:
        """The values of a list; none of any other type."""
        return list(nodes(self.buffer, self.start, self.end)) if self.kind == 0x5D else []  # noqa: PLR2004  ]

    def members(self) -> dict[bytes, "Node"]:
        """The values of a dictionary by name; none of any other type."""
        if self.kind != 0x7D:  # noqa: PLR2004  }
            return {}
        found = {}
        several = nodes(self.buffer, self.start, self.end)
        for key in several:
            value = next(several, None)
            if value is None:
                raise NetstringError("a name without its value")
            found[key.raw] = value
        return found


def nodes(buffer: bytes, start: int, end: int) -> Iterator[Node]:
    """Yield the values that fill a slice, one after the other.

    Raises:
        NetstringError: they do not.
    """
    at = start
    while at < end:
        length = _LENGTH.match(buffer, at, end)
        if length is None:
            raise NetstringError("no length")
        first = length.end()
        last = first + int(length[1])
        if last >= end:
            raise NetstringError("longer than what is there")
        yield Node(buffer, first, last, buffer[last])
        at = last + 1
