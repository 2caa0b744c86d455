"""What a log line may hold: one table. What is not in it, or does not look like it should, is left out.

An allow-list of names and of shapes: a number, an address, a token or a key does not fit any of them, so that a slip in
a log call loses a word of the log and nothing else. The test of this module reads every log call of the source.
"""

import re
from collections.abc import Mapping, MutableMapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

MOST: Final = 99_999_999
"""The greatest count: eight digits, one fewer than the shortest phone number with its country code."""
_WORD: Final = re.compile(r"[A-Za-z](?:[A-Za-z ,;'_-]|: ){0,79}", re.ASCII)
"""No digit, no dot, no colon but before a space: neither a number nor an address."""
UNNAMED: Final = "event without a name"


class Kind(Enum):
    """The shape of a value."""

    WORD = "word"
    COUNT = "count"
    FLAG = "flag"


FIELDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "blobs": Kind.COUNT,
        "cap": Kind.WORD,  # which cap on SMS
        "code": Kind.COUNT,  # of an error frame
        "count": Kind.COUNT,
        "country": Kind.WORD,  # two letters, for whoever has to raise or lower its cap
        "delivered": Kind.FLAG,
        "destroyed": Kind.COUNT,
        "dropped": Kind.COUNT,  # fields that were left out here
        "envelopes": Kind.COUNT,
        "error": Kind.WORD,  # an error's type, never its message
        "event": Kind.WORD,
        "job": Kind.WORD,
        "lapsed": Kind.COUNT,
        "lines": Kind.COUNT,
        "modems": Kind.COUNT,
        "overlapping": Kind.COUNT,
        "queued": Kind.COUNT,
        "reason": Kind.WORD,
        "removed": Kind.FLAG,
        "replaced": Kind.COUNT,
        "retry_s": Kind.COUNT,
        "unreadable": Kind.COUNT,
        "what": Kind.WORD,
    }
)


def fits(kind: Kind, value: object) -> bool:
    """Whether a value has a shape."""
    match kind:
        case Kind.WORD:
            return isinstance(value, str) and _WORD.fullmatch(value) is not None
        case Kind.COUNT:
            return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST
        case Kind.FLAG:
            return isinstance(value, bool)


def keep_allowed(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep what the table allows (a structlog processor); say how many fields were left out."""
    kept = {name: value for name, value in event.items() if name in FIELDS and fits(FIELDS[name], value)}
    dropped = len(event) - len(kept)
    if dropped:
        kept["dropped"] = dropped
    return {"event": UNNAMED} | kept
