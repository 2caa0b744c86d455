"""The report as one HTML page: no script, nothing from elsewhere, and hostile traffic stays text.

Three fences, each enough by itself: everything is escaped by the template engine, a Content-Security-Policy allows
nothing but this page's own style sheet by its hash, and control, format and bidirectional signs are shown as escapes.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files as resources

from jinja2 import BaseLoader, Environment, StrictUndefined, Template
from markupsafe import Markup

from sayso.audit.core.findings import Certainty, Finding, Report
from sayso.audit.core.model import Direction
from sayso.audit.core.policy import Outcome, outcome
from sayso.audit.report.visible import octets, text

MAX_FINDINGS = 20_000
MAX_FLAT = 300
"""Of more findings, each has no fold of its own: a browser needs thirty nodes for one, and seconds for thousands."""
FOLD = 200
"""Findings in one fold."""
MAX_UNSEEN = 2_000
MAX_COLUMNS = 40
MAX_ROWS = 500
BUCKETS = 200
WIDTH = 1000
_MAX_BAND_NAMES = 60


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    cells: list[int]


@dataclass(frozen=True, slots=True)
class _Table:
    title: str
    corner: str
    columns: list[str]
    rows: list[_Row]
    more: str = ""


@dataclass(frozen=True, slots=True)
class _Fold:
    """Findings that unfold together: of one seed, direction and certainty."""

    seed: str
    way: str
    certainty: str
    hosts: str
    first: int
    last: int
    findings: list[dict[str, object]]


@cache
def _style() -> tuple[str, str]:
    """The style sheet, and its hash as the policy wants it."""
    css = (resources(__package__) / "templates" / "style.css").read_text("utf-8")
    return css, f"sha256-{base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()}"


@cache
def _template() -> Template:
    source = (resources(__package__) / "templates" / "report.html.j2").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, loader=BaseLoader(), trim_blocks=True)
    return environment.from_string(source)


def render(report: Report) -> str:
    """Write a report."""
    css, style_hash = _style()
    findings = sorted(
        report.findings, key=lambda one: (-one.certainty, one.direction.value, one.time or 0.0, one.record)
    )
    several = [_shown(one) for one in findings[:MAX_FINDINGS]]
    folded = len(several) > MAX_FLAT
    return _template().render(
        style=Markup(css),  # noqa: S704  our own file, and the policy's hash covers it
        style_hash=style_hash,
        verdict=_verdict(report),
        files=[text(name) for name in report.files],
        seeds=report.seeds,
        decoys=report.decoys,
        stats=report.stats,
        notes=[text(note) for note in report.notes],
        timeline=_timeline(report),
        tables=list(_tables(report)),
        unseen=[_shown_unseen(one) for one in report.not_seen_into[:MAX_UNSEEN]],
        unseen_more=max(0, len(report.not_seen_into) - MAX_UNSEEN),
        findings=[] if folded else several,
        folds=list(_folds(several)) if folded else [],
        findings_more=max(0, len(findings) - MAX_FINDINGS) + report.stats.findings_beyond,
    )


def _folds(findings: Iterable[dict[str, object]]) -> Iterator[_Fold]:
    """Put findings together, the most certain first as they come."""
    groups: dict[tuple[str, str, str], list[dict[str, object]]] = {}
    for one in findings:
        groups.setdefault((str(one["seed"]), str(one["way"]), str(one["certainty"])), []).append(one)
    for (seed, way, certainty), several in groups.items():
        for at in range(0, len(several), FOLD):
            some = several[at : at + FOLD]
            names = list(dict.fromkeys(str(one["host"]) for one in some))
            hosts = f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
            yield _Fold(seed, way, certainty, hosts, at + 1, at + len(some), some)


def _verdict(report: Report) -> dict[str, str]:
    sent = {one.seed for one in report.findings if one.certainty > Certainty.HINT and one.direction is Direction.SENT}
    match outcome(report):
        case Outcome.LEAKS:
            hosts = {one.host for one in report.findings if one.certainty > Certainty.HINT}
            several = "1 host" if len(hosts) == 1 else f"{len(hosts)} hosts"
            return {"text": f"{len(sent)} of {len(report.seeds)} seeds left the phone; {several}", "css": "leak"}
        case Outcome.NOT_ALL_SEEN:
            return {"text": "No seed found, but not everything could be seen into", "css": "blind"}
        case _:
            return {"text": "No seed found, and everything could be seen into", "css": "clean"}


def _shown(one: Finding) -> dict[str, object]:
    evidence = one.evidence
    wire = {True: "encrypted on the wire", False: "cleartext on the wire", None: "transport unknown"}[
        one.encrypted_on_wire
    ]
    parts = [
        f"{one.method} {one.url}".strip(),
        " ".join(part for part in (one.place.value, one.name, one.path) if part),
        wire,
        one.protocol,
        one.owner,
        f"{one.file}, record {one.record}",
        _moment(one.time) if one.time else "",
        f"spelled {one.form}" if one.form != one.chain[-1] else "",
        one.detail,
    ]
    return {
        "seed": text(one.seed),
        "way": "to" if one.direction is Direction.SENT else "echoed by",
        "host": text(one.host) or "an unknown host",
        "chain": " > ".join(one.chain),
        "certainty": one.certainty.word,
        "phase": text(one.phase),
        "count": one.count,
        "where": text("; ".join(part for part in parts if part), limit=900),
        "before": octets(evidence.before),
        "marked": octets(evidence.marked),
        "after": octets(evidence.after),
        "reason": one.reason,
    }


def _shown_unseen(one: object) -> dict[str, object]:
    names = ("host", "protocol", "reason", "phase", "sent", "received", "times")
    values = {name: getattr(one, name) for name in names}
    return {name: text(value) if isinstance(value, str) else value for name, value in values.items()}


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
    except (ValueError, OverflowError, OSError):
        return "an impossible time"


def _tables(report: Report) -> Iterator[_Table]:
    if not report.findings:
        return
    hosts = [name for name, _ in Counter(_host(one) for one in report.findings).most_common()]
    cells = Counter((one.seed, _host(one)) for one in report.findings)
    yield _table("Seeds and hosts", report, hosts, cells)
    if report.phases:
        by_phase = Counter((one.seed, one.phase) for one in report.findings)
        yield _table("Seeds and phases", report, list(report.phases), by_phase)


def _host(one: Finding) -> str:
    return f"{one.host} ({one.owner})" if one.owner else one.host


def _table(title: str, report: Report, columns: Sequence[str], cells: Counter[tuple[str, str]]) -> _Table:
    met = [one.id for one in report.seeds if any(cells[one.id, column] for column in columns)]
    shown = columns[:MAX_COLUMNS]
    rows = [_Row(text(seed), [cells[seed, column] for column in shown]) for seed in met[:MAX_ROWS]]
    missing = len(report.seeds) - len(met)
    more = [
        f"{missing} seeds were not met" if missing else "",
        f"{len(columns) - len(shown)} columns more" if len(columns) > len(shown) else "",
    ]
    return _Table(title, "Seed", [text(name) for name in shown], rows, "; ".join(one for one in more if one))


def _timeline(report: Report) -> dict[str, object] | None:
    times = [one.time for one in report.findings if one.time is not None]
    if not times or max(times) <= min(times):
        return None
    start, end = min(times), max(times)
    scale = (WIDTH - 5) / (end - start)
    buckets = Counter(int((when - start) * (BUCKETS - 1) / (end - start)) for when in times)
    highest = max(buckets.values())
    bars = [
        {"x": round(place * (WIDTH - 5) / BUCKETS, 1), "height": max(3, round(count / highest * 96)), "count": count}
        for place, count in sorted(buckets.items())
    ]
    return {
        "bars": bars,
        "bands": list(_bands(report.findings, start, scale)),
        "start": _moment(start),
        "end": _moment(end),
    }


def _bands(findings: Iterable[Finding], start: float, scale: float) -> Iterator[dict[str, object]]:
    """A band for each phase, from its first finding to its last."""
    spans: dict[str, tuple[float, float]] = {}
    for one in findings:
        if one.time is not None and one.phase:
            first, last = spans.get(one.phase, (one.time, one.time))
            spans[one.phase] = (min(first, one.time), max(last, one.time))
    for name, (first, last) in sorted(spans.items(), key=lambda item: item[1])[:_MAX_BAND_NAMES]:
        yield {
            "x": round((first - start) * scale, 1),
            "width": round(max((last - first) * scale, 4), 1),
            "name": text(name, limit=24),
        }
