"""The elements of one long JSON array, one at a time: a HAR of a gigabyte is one document.

Only strings and brackets are looked at; what an element means is for a real parser. One match of the expression goes
from one bracket to the next, whatever lies between, so that Python's loop turns once for each bracket.
"""

import re
from collections.abc import Callable, Iterator

FIRST_READ = 1024 * 1024
MAX_ELEMENT = 32 * 1024 * 1024
MAX_NESTING = 512
# A run up to the next quote goes at the speed of memory, one up to either of two signs does not. A string is taken to
# have no escaped quote; else to have them behind one or three backslashes (JSON in a string, and again); else anything.
_ESCAPED_QUOTE = rb'(?:(?<=[^\\]\\)|(?<=[^\\]\\{3}))"'
_STRING = rb'"(?:[^"]*+(?<!\\)"|(?:[^"]*+' + _ESCAPED_QUOTE + rb')++[^"]*+(?<!\\)"|(?:[^"\\]++|\\.)*+")'
_TO_BRACKET = re.compile(rb'[^"{}\[\]]*+(?:' + _STRING + rb'[^"{}\[\]]*+)*+([{}\[\]])', re.DOTALL)
_SPACE = re.compile(rb"[\s,]*+")


class ElementError(Exception):
    """An element is broken off, too long or nested too deeply. `rest` is what has been read and not used."""

    def __init__(self, reason: str, rest: bytes) -> None:
        super().__init__(reason)
        self.reason = reason
        self.rest = rest


def elements(read: Callable[[int], bytes], member: bytes) -> Iterator[bytes]:
    """Yield each element of the first array that stands behind the name `member`, as it is written.

    Args:
        read: gives up to that many bytes, none at the end.
        member: the name with its quotes, as in `b'"entries"'`.

    Raises:
        ElementError: there is no such array, it breaks off, or an element exceeds a limit.
    """
    buffer, at = _to_array(read, member)
    more = FIRST_READ
    while True:
        at = _SPACE.match(buffer, at).end()  # type: ignore[union-attr]  # it matches nothing at least
        end = _end(buffer, at)
        if end is not None:
            if end == at:
                return
            yield buffer[at:end]
            at, more = end, FIRST_READ
            continue
        if len(buffer) - at > MAX_ELEMENT:
            raise ElementError("an entry is too long to be parsed", buffer[at:])
        # Twice as much each time: what is scanned again stays in proportion.
        data = read(more)
        buffer, at = buffer[at:] + data, 0
        if not data:
            raise ElementError("the file breaks off", buffer)
        more = min(2 * more, MAX_ELEMENT)


def _to_array(read: Callable[[int], bytes], member: bytes) -> tuple[bytes, int]:
    buffer = b""
    opening = re.compile(re.escape(member) + rb"\s*:\s*\[")
    while True:
        found = opening.search(buffer)
        if found:
            return buffer, found.end()
        data = read(FIRST_READ)
        if not data or len(buffer) > MAX_ELEMENT:
            raise ElementError(f"there is no list {member.decode()}", buffer + data)
        buffer += data


def _end(buffer: bytes, at: int) -> int | None:
    """Where the element that begins at `at` ends; `at` itself where the array ends; None where bytes are missing."""
    if at >= len(buffer):
        return None
    if buffer.startswith(b"]", at):
        return at
    depth = 0
    scan = _TO_BRACKET.match
    while True:
        found = scan(buffer, at)
        if found is None:
            return None
        at = found.end()
        if found[1] in b"{[":
            depth += 1
            if depth > MAX_NESTING:
                raise ElementError("an entry is nested too deeply", buffer[at:])
        elif depth <= 1:
            return at if depth else at - 1  # a bare number or text ends where the array does
        else:
            depth -= 1
