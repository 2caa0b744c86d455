"""Tagged netstrings, as mitmproxy's flow files use them: `LENGTH:DATA` and one sign for the type.

Values are slices until somebody asks: of a flow, certificates and connections are skipped without being parsed.
"""

from typing import NamedTuple

MAX_LENGTH_DIGITS = 12
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
        return self.buffer[self.start : self.end] if self.kind in _TEXT_TYPES else b""

    def text(self) -> str:
        """The same as text."""
        if self.kind not in _TEXT_TYPES:
            return ""
        return self.buffer[self.start : self.end].decode("utf-8", "backslashreplace")

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
        return nodes(self.buffer, self.start, self.end) if self.kind == 0x5D else []  # noqa: PLR2004  ]

    def pairs(self) -> list[tuple[bytes, bytes]]:
        """The texts of a list of lists of two, as headers are; no node is made of them, which flows have most of."""
        if self.kind != 0x5D:  # noqa: PLR2004  ]
            return []
        buffer = self.buffer
        found = []
        for start, end, kind in spans(buffer, self.start, self.end):
            pair = spans(buffer, start, end) if kind == 0x5D else ()  # noqa: PLR2004  ]
            if len(pair) == 2:  # noqa: PLR2004  a pair
                (name, name_end, name_kind), (value, value_end, value_kind) = pair
                found.append(
                    (
                        buffer[name:name_end] if name_kind in _TEXT_TYPES else b"",
                        buffer[value:value_end] if value_kind in _TEXT_TYPES else b"",
                    )
                )
        return found

    def members(self) -> dict[bytes, "Node"]:
        """The values of a dictionary by name; none of any other type."""
        if self.kind != 0x7D:  # noqa: PLR2004  }
            return {}
        buffer = self.buffer
        several = spans(buffer, self.start, self.end)
        if len(several) % 2:
            raise NetstringError("a name without its value")
        return {
            buffer[key[0] : key[1]]: Node(buffer, *value)
            for key, value in zip(several[::2], several[1::2], strict=True)
        }


def nodes(buffer: bytes, start: int, end: int) -> list[Node]:
    """Return the values that fill a slice, one after the other.

    Raises:
        NetstringError: they do not.
    """
    return [Node(buffer, *span) for span in spans(buffer, start, end)]


def spans(buffer: bytes, start: int, end: int) -> list[tuple[int, int, int]]:
    """Return where each value of a slice begins and ends, and the sign of its type.

    Raises:
        NetstringError: the slice is not filled by values.
    """
    found = []
    at = start
    while at < end:
        colon = buffer.find(b":", at, at + MAX_LENGTH_DIGITS + 1)
        # The digits are asked for, since `int` would take signs and spaces too.
        if colon < 0 or not (digits := buffer[at:colon]).isdigit():
            raise NetstringError("no length")
        last = colon + 1 + int(digits)
        if last >= end:
            raise NetstringError("longer than what is there")
        found.append((colon + 1, last, buffer[last]))
        at = last + 1
    return found
