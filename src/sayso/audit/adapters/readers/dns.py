"""DNS: names asked for (a value may travel in their labels), texts in answers, and which address has which name."""

from collections.abc import Callable
from typing import Any, Final

import dpkt

from sayso.audit.core.model import Direction, Field, Place

MAX_RECORDS = 200
_ERRORS: Final = (
    dpkt.Error,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
)


def fields(data: bytes, learn: Callable[[bytes, str], None]) -> tuple[Field, ...]:
    """The names and texts of a message; nothing where it is none. `learn` hears addresses and their names."""
    try:
        message = dpkt.dns.DNS(data)
    except _ERRORS:
        return ()
    answered = message.qr == dpkt.dns.DNS_R
    direction = Direction.RECEIVED if answered else Direction.SENT
    asked = [_octets(one.name) for one in message.qd[:MAX_RECORDS]]
    found = [Field(Place.DNS, "", name, direction) for name in asked if name]
    for one in [*message.an, *message.ns, *message.ar][:MAX_RECORDS] if answered else ():
        found += _resource(one, asked[0] if asked else b"", learn)
    return tuple(found)


def _octets(name: object) -> bytes:
    return name.encode("utf-8", "surrogateescape") if isinstance(name, str) else b""


def _resource(one: Any, asked: bytes, learn: Callable[[bytes, str], None]) -> list[Field]:
    match one.type:
        case dpkt.dns.DNS_A | dpkt.dns.DNS_AAAA:
            address = getattr(one, "ip", None) or getattr(one, "ip6", None)
            if isinstance(address, bytes) and len(address) in {4, 16}:
                learn(address, (asked or _octets(one.name)).decode("ascii", "backslashreplace").lower())
            return []
        case dpkt.dns.DNS_TXT:
            texts = [text if isinstance(text, bytes) else _octets(text) for text in getattr(one, "text", [])]
            return [Field(Place.DNS, "text", text, Direction.RECEIVED) for text in texts if text]
        case dpkt.dns.DNS_CNAME:
            return [Field(Place.DNS, "alias", _octets(getattr(one, "cname", "")), Direction.RECEIVED)]
        case _:
            return []
