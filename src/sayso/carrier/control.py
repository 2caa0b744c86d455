"""The control socket's language: one JSON object per line, an answer for each request, in order.

A request is a wish of the network's (`core.events`) or one of the questions below. Answers:
`{"ok": true, ...}` or `{"ok": false, "error": "no-such-sim", "message": "..."}`.
"""

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from sayso.carrier.core.events import Wish
from sayso.carrier.core.records import Conditions, Fate

MAX_LINE_BYTES: Final = 1024 * 1024
"""Longest request: the longest text with every character escaped fits."""


class ListSims(msgspec.Struct, frozen=True, tag="sims", tag_field="op", forbid_unknown_fields=True):
    """Ask for all SIMs."""


class ListSent(msgspec.Struct, frozen=True, kw_only=True, tag="sent", tag_field="op", forbid_unknown_fields=True):
    """Ask for the SMS that the network has accepted, in that order.

    `after`: only ids above it; `to`: only to this number; `limit`: so many at most, the oldest.
    """

    after: Annotated[int, Meta(ge=0)] = 0
    to: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 1_000


class AskNetwork(msgspec.Struct, frozen=True, tag="network", tag_field="op", forbid_unknown_fields=True):
    """Ask for the network's conditions and how many SMS it holds."""


Question: TypeAlias = ListSims | ListSent | AskNetwork
Request: TypeAlias = Wish | Question


class SimInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A SIM. `modem`, `imei`, `socket` are None while it lies in a drawer; `stored` counts the SMS on it."""

    name: str
    number: str
    imsi: str
    iccid: str
    tells_number: bool
    locked: bool
    modem: str | None
    imei: str | None
    socket: str | None
    coverage: bool
    attached: bool
    stored: int

    def __repr__(self) -> str:
        """No number, no identifier."""
        return f"SimInfo(name={self.name!r}, modem={self.modem!r}, attached={self.attached})"


class SentSms(msgspec.Struct, frozen=True, kw_only=True, rename={"sender": "from"}):
    """An SMS that the network has accepted. `time` is Unix time in seconds; `sender` is called `from` in JSON."""

    id: int
    time: float
    sender: str
    to: str
    text: str
    parts: int
    fate: Fate

    def __repr__(self) -> str:
        """Neither number nor text."""
        return f"SentSms(id={self.id}, parts={self.parts}, fate={self.fate!r})"


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer; which of the optional fields are there depends on the request."""

    ok: bool
    error: str | None = None
    message: str | None = None
    sims: list[SimInfo] | None = None
    sent: list[SentSms] | None = None
    queued: int | None = None
    conditions: Conditions | None = None


request_decoder: Final = msgspec.json.Decoder[Request](Request)
reply_decoder: Final = msgspec.json.Decoder(Reply)


def encode_line(item: Request | Reply) -> bytes:
    """Return one line of the control socket."""
    return msgspec.json.encode(item) + b"\n"
