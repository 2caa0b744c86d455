"""Connections that an app refused to have opened while a recording was made: a line for each, beside the capture."""

import re
from collections.abc import Iterator

from sayso.audit.core.model import NotSeen, Peer

REASON = "TLS that the app refused to have opened (a pinned certificate)"
MAX_LINES = 100_000
_LINE = re.compile(r"(?P<time>\d{1,12}(?:\.\d{1,9})?) (?P<host>[\x21-\x7e]{1,255}) (?P<port>\d{1,5})")


def line(when: float, host: str, port: int) -> str:
    """A line of the file."""
    shown = "".join(sign for sign in host if sign.isascii() and sign.isprintable() and sign != " ")[:255] or "?"
    return f"{when:.3f} {shown} {port}\n"


def parse(text: str) -> Iterator[NotSeen]:
    """What the lines say; a line that is none says nothing."""
    for one in text.splitlines()[:MAX_LINES]:
        found = _LINE.fullmatch(one)
        if found:
            yield NotSeen(0, float(found["time"]), Peer(found["host"], "", int(found["port"])), "tls", REASON, 0, 0)
