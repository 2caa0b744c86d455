"""The figures as a table for people."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from bench.machine import Machine
from bench.procfs import Figures
from bench.reference import MACHINE_REFERENCE
from bench.results import ANY_SIZE, FAULTS, Result, Verdict
from bench.settings import Settings
from bench.workloads import WORKLOADS


class Report(Struct, frozen=True):
    """Everything of one bench, as it goes into the JSON."""

    at: str
    """UTC."""
    machine: Machine
    settings: Settings
    pinned: bool
    """Whether server and driver had a core each."""
    results: list[Result]
    targets: list[Verdict]
    remarks: list[str]


def lines(report: Report) -> Iterator[str]:
    """Yield the lines of the report."""
    m = report.machine
    yield f"{m.cpu}, {m.cores} cores, Linux {m.kernel}, {m.file_system}; Python {m.python}, SQLite {m.sqlite}"
    yield f"{', '.join(f'{name} {version}' for name, version in m.packages.items())}; commit {m.commit}"
    if m.load_before > 0.5:
        yield f"Something else was going on (load {m.load_before:.1f} before the bench): the figures are too low."
    yield f"The relay's core: {'interpreted' if report.settings.interpreted else 'compiled'}."
    if not report.pinned:
        yield "One core: server and driver shared it."
    for result in report.results:
        yield ""
        yield from _result_lines(result)
    yield ""
    yield from _target_lines(report.targets)
    for remark in report.remarks:
        yield ""
        yield remark


def _result_lines(result: Result) -> Iterator[str]:
    workload = next(one for one in WORKLOADS if one.name == result.workload)
    size = "" if result.size == ANY_SIZE else f", {result.size:,} bytes"
    yield f"{result.workload}{size} (median of {len(result.runs)})"
    for name in (*workload.shown, MACHINE_REFERENCE):
        if name in result.figures:
            yield f"    {name:28}{_number(result.figures[name]):>14}{_spread(name, result.runs)}"
    if "faults" in result.figures:
        found = [f"{name} {_number(result.figures[name])}" for name in FAULTS if result.figures.get(name)]
        yield f"    {'faults':28}{', '.join(found) or 'none':>14}"
    if result.figures.get("driver_cpu_pct", 0) > 90:
        yield "    The driver was the limit: the server could do more."


def _spread(name: str, runs: Sequence[Figures]) -> str:
    values = [run[name] for run in runs if name in run]
    if len(values) < 2 or min(values) == max(values):
        return ""
    return f"    {_number(min(values))} to {_number(max(values))}"


def _target_lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield "Targets"
    for verdict in verdicts:
        size = "" if verdict.size == ANY_SIZE else f" {verdict.size}"
        measured = "-" if verdict.measured is None else _number(verdict.measured)
        word = {True: "met", False: "NOT MET", None: "not measured"}[verdict.met]
        name = f"{verdict.workload}{size}: {verdict.figure}"
        yield f"    {name:52}{verdict.wanted:>20}{measured:>14}  {word}"


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3f}"
