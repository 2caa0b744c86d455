"""The report as JSON. The structs below are its schema: docs/reference/audit-report.schema.json is made from them."""

from typing import Annotated, Any, Literal

import msgspec

from sayso.audit.core.compare import Comparison
from sayso.audit.core.findings import (
    SCHEMA,
    Certainty,
    Decoys,
    Evidence,
    Finding,
    Report,
    SeedInfo,
    Stats,
    Unseen,
)
from sayso.audit.core.model import Direction, Place
from sayso.audit.errors import ReportError
from sayso.audit.report.visible import octets, text

MAX_BYTES = 512 * 1024 * 1024
CertaintyWord = Literal["hint", "possible", "likely", "certain"]
DirectionWord = Literal["sent", "received"]
_WORDS: dict[Certainty, CertaintyWord] = {
    Certainty.HINT: "hint",
    Certainty.POSSIBLE: "possible",
    Certainty.LIKELY: "likely",
    Certainty.CERTAIN: "certain",
}
_CERTAINTIES = {word: certainty for certainty, word in _WORDS.items()}


class SeedEntry(msgspec.Struct, forbid_unknown_fields=True):
    """A seed that was looked for; never its value."""

    id: str
    type: str


class EvidenceEntry(msgspec.Struct, forbid_unknown_fields=True):
    r"""Text of the innermost view around the match; bytes that are no text as `\xNN`."""

    before: str
    match: str
    after: str


class FindingEntry(msgspec.Struct, forbid_unknown_fields=True):
    """One seed, met in one place of one exchange through one chain of encodings."""

    seed: str
    """The id of the seed."""
    type: str
    chain: list[str]
    """From the wire inwards, ending in the digest or the form."""
    form: str
    """The spelling of the seed, of a digest too."""
    file: str
    record: int
    """0-based number of the exchange or flow in its file."""
    host: str
    ip: str
    port: int
    protocol: str
    place: Literal["url", "header", "cookie", "body", "message", "dns", "sni", "payload", "status"]
    name: str
    """Of a header or cookie, which."""
    path: str
    """The parameter or member that held it, from the outside inwards."""
    direction: DirectionWord
    phase: str
    certainty: CertaintyWord
    reason: str
    encrypted_on_wire: bool | None
    time: float | None
    """Unix time in seconds, where the file tells."""
    method: str
    url: str
    """Without its query."""
    owner: str
    count: int
    detail: str
    evidence: EvidenceEntry


class UnseenEntry(msgspec.Struct, forbid_unknown_fields=True):
    """Traffic that nobody looked into."""

    host: str
    ip: str
    port: int
    protocol: str
    reason: str
    phase: str
    sent: int
    """Bytes."""
    received: int
    times: int
    file: str
    record: int


class DecoysEntry(msgspec.Struct, forbid_unknown_fields=True):
    """Values that are on no phone: how many were looked for, and which were found all the same."""

    count: int
    found: list[FindingEntry]


class StatsEntry(msgspec.Struct, forbid_unknown_fields=True):
    """How much was read, and how long it took."""

    bytes: int
    seconds: float
    exchanges: int
    findings_beyond: int


class ReportEntry(msgspec.Struct, forbid_unknown_fields=True):
    """A report of `sayso audit scan`."""

    schema: Annotated[str, msgspec.Meta(pattern=r"^sayso/audit-report/1$")]
    files: list[str]
    seeds: list[SeedEntry]
    phases: list[str]
    findings: list[FindingEntry]
    not_seen_into: list[UnseenEntry]
    decoys: DecoysEntry
    stats: StatsEntry
    partial: bool
    notes: list[str]


def _finding(one: Finding) -> FindingEntry:
    evidence = one.evidence
    return FindingEntry(
        seed=text(one.seed),
        type=one.seed_type,
        chain=list(one.chain),
        form=one.form,
        file=text(one.file),
        record=one.record,
        host=text(one.host),
        ip=text(one.ip),
        port=one.port,
        protocol=text(one.protocol),
        place=one.place.value,
        name=text(one.name),
        path=text(one.path),
        direction=one.direction.value,
        phase=text(one.phase),
        certainty=_WORDS[one.certainty],
        reason=text(one.reason),
        encrypted_on_wire=one.encrypted_on_wire,
        time=one.time,
        method=text(one.method),
        url=text(one.url),
        owner=text(one.owner),
        count=one.count,
        detail=text(one.detail),
        evidence=EvidenceEntry(octets(evidence.before), octets(evidence.marked), octets(evidence.after)),
    )


def _unseen(one: Unseen) -> UnseenEntry:
    return UnseenEntry(
        text(one.host),
        text(one.ip),
        one.port,
        text(one.protocol),
        text(one.reason),
        text(one.phase),
        one.sent,
        one.received,
        one.times,
        text(one.file),
        one.record,
    )


def entry(report: Report) -> ReportEntry:
    """The report as the schema has it."""
    stats = report.stats
    return ReportEntry(
        schema=SCHEMA,
        files=[text(one) for one in report.files],
        seeds=[SeedEntry(one.id, one.type) for one in report.seeds],
        phases=[text(one) for one in report.phases],
        findings=[_finding(one) for one in report.findings],
        not_seen_into=[_unseen(one) for one in report.not_seen_into],
        decoys=DecoysEntry(report.decoys.count, [_finding(one) for one in report.decoys.found]),
        stats=StatsEntry(stats.bytes, stats.seconds, stats.exchanges, stats.findings_beyond),
        partial=report.partial,
        notes=[text(one) for one in report.notes],
    )


def render(report: Report) -> bytes:
    """Write a report."""
    return msgspec.json.format(msgspec.json.encode(entry(report)), indent=1) + b"\n"


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what `render` writes."""
    made = msgspec.json.schema(ReportEntry)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Report of sayso audit scan", **made}


def read(data: bytes) -> Report:
    """Read a report back; evidence comes back as the text it was written as.

    Raises:
        ReportError: no JSON, or not of this schema.
    """
    if len(data) > MAX_BYTES:
        raise ReportError(f"a report has at most {MAX_BYTES} bytes")
    try:
        given = msgspec.json.decode(data, type=ReportEntry)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise ReportError(f"this is no report of 'sayso audit scan --json' ({SCHEMA})") from None
    return Report(
        files=tuple(given.files),
        seeds=tuple(SeedInfo(one.id, one.type) for one in given.seeds),
        phases=tuple(given.phases),
        findings=tuple(_read_finding(one) for one in given.findings),
        not_seen_into=tuple(
            Unseen(
                one.host,
                one.ip,
                one.port,
                one.protocol,
                one.reason,
                one.phase,
                one.sent,
                one.received,
                one.times,
                one.file,
                one.record,
            )
            for one in given.not_seen_into
        ),
        decoys=Decoys(given.decoys.count, tuple(_read_finding(one) for one in given.decoys.found)),
        stats=Stats(given.stats.bytes, given.stats.seconds, given.stats.exchanges, given.stats.findings_beyond),
        partial=given.partial,
        notes=tuple(given.notes),
    )


def _read_finding(one: FindingEntry) -> Finding:
    return Finding(
        seed=one.seed,
        seed_type=one.type,
        chain=tuple(one.chain),
        form=one.form,
        file=one.file,
        record=one.record,
        host=one.host,
        ip=one.ip,
        port=one.port,
        protocol=one.protocol,
        place=Place(one.place),
        name=one.name,
        path=one.path,
        direction=Direction(one.direction),
        phase=one.phase,
        certainty=_CERTAINTIES[one.certainty],
        reason=one.reason,
        encrypted_on_wire=one.encrypted_on_wire,
        time=one.time,
        method=one.method,
        url=one.url,
        owner=one.owner,
        count=one.count,
        detail=one.detail,
        evidence=Evidence(one.evidence.before.encode(), one.evidence.match.encode(), one.evidence.after.encode()),
    )


def comparison_entry(comparison: Comparison) -> dict[str, object]:
    """What changed between two reports, for programs."""
    return {
        "appeared": [_finding(one) for one in comparison.appeared],
        "stayed": [_finding(one) for one in comparison.stayed],
        "vanished": [_finding(one) for one in comparison.vanished],
        "unseen_appeared": [_unseen(one) for one in comparison.unseen_appeared],
        "unseen_vanished": [_unseen(one) for one in comparison.unseen_vanished],
        "other_seeds": [text(one) for one in comparison.other_seeds],
        "silent": comparison.silent,
    }
