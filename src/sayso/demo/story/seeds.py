"""What is known to be on the phone, and the audit that looks for it in a recording."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sayso.audit import app
from sayso.audit.adapters.capture import FileCapture
from sayso.audit.core.findings import Report
from sayso.audit.core.model import Chunk, Direction, Exchange
from sayso.audit.core.seed_types import Seed, SeedSet, SeedType
from sayso.audit.report.json_report import render

NOBODY: Final = app.Silent()
_EXPLAINED: Final = (
    ("/.well-known/sayso", "the server's signed description of itself; everyone gets the same"),
    ("/v1/enrolments/confirm", "the code that came by SMS; back come receipt and certificate"),
    ("/v1/enrolments", "consent record, public keys, and the number sealed for the registrar: HPKE with X-Wing"),
    ("/v1/stream", "the beginning of the stream"),
    ("/v1/evaluations", "numbers, blinded: the server sees how many, and not which"),
    ("/v1/keys", "public keys of devices, by token"),
    ("/v1/withdraw", "the signed no"),
    ("/v1/grant", "the hash of a secret"),
    ("/v1/sets", "the set of enrolled lines; everyone fetches the whole of it"),
    ("/v1/certificate", "the lease's certificate, signed anew"),
    ("websocket", "envelopes of fixed sizes that only the other phone opens, and their acknowledgements"),
    ("tls", "TLS itself: certificates, key exchange"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose phone it is."""

    number: str
    imei: str
    imsi: str
    iccid: str
    carrier: str
    contact_name: str
    contact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One kind of traffic in a recording."""

    what: str
    times: int
    sent: int
    received: int
    means: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit came to."""

    leaked: tuple[str, ...]
    """Ids of the seeds that the phone sent."""
    met: tuple[str, ...]
    """Ids of the seeds that are anywhere in it, received ones too."""
    report: Report
    seen: tuple[Seen, ...]


def seed_set(who: Identity, texts: Sequence[str] = ()) -> SeedSet:
    """Return the seeds of a phone, and of the texts that it sends."""
    seeds = [
        Seed("IMEI", SeedType.IMEI, who.imei),
        Seed("IMSI", SeedType.IMSI, who.imsi),
        Seed("ICCID", SeedType.ICCID, who.iccid),
        Seed("own number", SeedType.MSISDN, who.number),
        Seed("contact's number", SeedType.CONTACT_NUMBER, who.contact),
        Seed("contact's name", SeedType.CONTACT_NAME, who.contact_name),
        Seed("carrier", SeedType.FREE, who.carrier),
        *(Seed(f"text {place}", SeedType.SMS_TEXT, text) for place, text in enumerate(texts, start=1)),
    ]
    return SeedSet(tuple(seeds), ())


def audit(recording: Path, seeds: SeedSet, *, marks: Path | None = None, keylog: Path | None = None) -> Audit:
    """Look for the seeds in a recording, however they are wrapped, and list what else is in it.

    Raises:
        AuditError: the seeds are wrong, or a tool is missing.
    """
    phases = app.load_phases(marks) if marks is not None else None
    options = app.Options(keylog=keylog)
    scanned = app.scan([recording], seeds, phases=phases, options=options)
    found = scanned.report.findings
    recording.with_suffix(".json").write_bytes(render(scanned.report))
    return Audit(
        leaked=tuple(sorted({one.seed for one in found if one.direction is Direction.SENT})),
        met=tuple(sorted({one.seed for one in found})),
        report=scanned.report,
        seen=tuple(_seen(recording, keylog)),
    )


def _seen(recording: Path, keylog: Path | None) -> list[Seen]:
    times: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    received: Counter[str] = Counter()
    for event in FileCapture(recording, keylog=keylog).events(NOBODY):
        if not isinstance(event, (Exchange, Chunk)):
            continue
        fields = event.fields if isinstance(event, Exchange) else (event.field,)
        what = _kind(event)
        times[what] += 1
        for field in fields:
            (sent if field.direction is Direction.SENT else received)[what] += len(field.data)
    return [
        Seen(what=what, times=count, sent=sent[what], received=received[what], means=_means(what))
        for what, count in times.most_common()
    ]


def _kind(event: Exchange | Chunk) -> str:
    peer = event.peer.host
    if isinstance(event, Exchange) and event.method:
        path = next((field.data for field in event.fields if field.place.value == "url"), b"")
        return f"{event.method} {peer} {_path(path.decode('latin-1'))}"
    return f"{event.protocol} {peer}"


def _path(url: str) -> str:
    """Return the path of a URL, without a query."""
    rest = url.split("://", 1)[-1]
    path = rest[rest.index("/") :] if "/" in rest else "/"
    return path.split("?")[0]


def _means(what: str) -> str:
    return next((meaning for word, meaning in _EXPLAINED if word in what), "")
