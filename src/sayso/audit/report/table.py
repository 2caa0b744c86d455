"""The report as a table for a terminal: hostile names are made harmless, lines fit the width."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from sayso.audit.core.compare import Comparison
from sayso.audit.core.findings import Certainty, Finding, Report, Unseen
from sayso.audit.core.model import Direction
from sayso.audit.core.policy import Outcome, Policy, outcome
from sayso.audit.report.visible import text

MAX_ROWS = 60
MAX_UNSEEN_ROWS = 20
MIN_WIDTH = 60
_GAP = "  "
_WIRE = {True: "TLS", False: "clear", None: "?"}


def render(report: Report, *, width: int = 120, policy: Policy | None = None) -> str:
    """Write a report for a terminal of so many columns."""
    lines = [verdict(report, policy)]
    if report.findings:
        lines += ["", *_findings(report.findings, width)]
    if report.not_seen_into:
        lines += ["", "Not seen into:", *_unseen(report.not_seen_into, width)]
    if report.decoys.found:
        lines += ["", f"{len(report.decoys.found)} decoys were found: findings of their kind are doubtful."]
    lines += [text(f"Note: {note}") for note in report.notes]
    return "\n".join(lines)


def verdict(report: Report, policy: Policy | None = None) -> str:
    """The result in a sentence."""
    stats = report.stats
    read = f"{stats.exchanges} exchanges, {_size(stats.bytes)}, {stats.seconds:.1f} s"
    seeds = {one.seed for one in report.findings if one.certainty > Certainty.HINT and one.direction is Direction.SENT}
    match outcome(report, policy):
        case Outcome.LEAKS:
            hosts = {one.host for one in report.findings if one.certainty > Certainty.HINT}
            several = "1 host" if len(hosts) == 1 else f"{len(hosts)} hosts"
            said = f"LEAKS: {len(seeds)} of {len(report.seeds)} seeds left the phone; {several} had to do with it"
        case Outcome.NOT_ALL_SEEN:
            said = "NOTHING FOUND, but not everything could be seen into"
        case _:
            said = "NOTHING FOUND, and everything could be seen into"
    return f"{said} ({read}{', PARTIAL' if report.partial else ''})"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count} bytes"  # noqa: PLR2004  a tenth of a MB


def _findings(findings: Iterable[Finding], width: int) -> Iterator[str]:
    """One line for each seed, host, chain, phase and direction."""
    counts: Counter[tuple[str, ...]] = Counter()
    best: defaultdict[tuple[str, ...], Certainty] = defaultdict(lambda: Certainty.HINT)
    for one in findings:
        row = (
            one.seed,
            f"{'->' if one.direction is Direction.SENT else '<-'} {_host(one)}",
            " > ".join(one.chain),
            " ".join(part for part in (one.place.value, one.name, one.path) if part),
            _WIRE[one.encrypted_on_wire],
            one.phase,
        )
        counts[row] += one.count
        best[row] = max(best[row], one.certainty)
    ordered = sorted(counts, key=lambda row: (-best[row], row))
    rows = [(best[row].word, str(counts[row]), *row) for row in ordered[:MAX_ROWS]]
    yield from _columns(("certainty", "times", "seed", "host", "chain", "place", "wire", "phase"), rows, width)
    if len(ordered) > MAX_ROWS:
        yield f"... and {len(ordered) - MAX_ROWS} more (--json or --html lists all)"


def _host(one: Finding) -> str:
    host = one.host or one.ip or "?"
    return f"{host} ({one.owner})" if one.owner else host


def _unseen(several: Iterable[Unseen], width: int) -> Iterator[str]:
    entries = sorted(several, key=lambda one: -(one.sent + one.received))
    rows = [
        (one.host or one.ip or "?", one.protocol, _size(one.sent), _size(one.received), one.reason, one.phase)
        for one in entries[:MAX_UNSEEN_ROWS]
    ]
    yield from _columns(("host", "protocol", "sent", "received", "reason", "phase"), rows, width)
    if len(entries) > MAX_UNSEEN_ROWS:
        yield f"... and {len(entries) - MAX_UNSEEN_ROWS} more (--json or --html lists all)"


def _columns(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], width: int) -> Iterator[str]:
    """Align columns; the widest gives way until a line fits."""
    shown = [head, *[tuple(text(cell) for cell in row) for row in rows]]
    used = [place for place in range(len(head)) if any(row[place] for row in shown[1:])]
    widths = {place: max(len(row[place]) for row in shown) for place in used}
    room = max(width, MIN_WIDTH) - len(_GAP) * (len(used) - 1)
    while sum(widths.values()) > room and max(widths.values()) > 8:  # noqa: PLR2004  less says nothing
        widths[max(widths, key=lambda place: widths[place])] -= 1
    for row in shown:
        yield _GAP.join(_cell(row[place], widths[place]) for place in used).rstrip()


def _cell(value: str, width: int) -> str:
    return value.ljust(width) if len(value) <= width else value[: width - 1] + "…"


def render_comparison(comparison: Comparison, *, width: int = 120) -> str:
    """Write what changed between two reports."""
    lines: list[str] = []
    for title, several in (
        ("Appeared", comparison.appeared),
        ("Stayed", comparison.stayed),
        ("Vanished", comparison.vanished),
    ):
        lines.append(f"{title}: {len(several)}")
        lines += [f"  {line}" for line in _findings(several, width - 2)] if several else []
    for title, unseen in (
        ("Not seen into, new", comparison.unseen_appeared),
        ("Not seen into, gone", comparison.unseen_vanished),
    ):
        if unseen:
            lines += [f"{title}: {len(unseen)}", *[f"  {line}" for line in _unseen(unseen, width - 2)]]
    if comparison.other_seeds:
        names = ", ".join(text(one) for one in comparison.other_seeds)
        lines.append(f"Only one of the two runs looked for: {names}. About these nothing can be said.")
    return "\n".join(lines)
