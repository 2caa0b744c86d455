"""What came of each group, and the one table at the end."""

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Result:
    """One row of the table. `crashed` says how a run ended that left no usable report."""

    name: str
    budget_minutes: float
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    not_tested: list[str] = field(default_factory=list)
    crashed: str = ""

    def add_junit(self, report: Path) -> None:
        """Count the cases of a JUnit report that our own pytest wrote."""
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 - written by our own pytest a moment ago
            skipped = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                self.failed += 1
            elif skipped is not None:
                self.not_tested.append(skipped.get("message") or "no reason given")
            else:
                self.passed += 1

    @property
    def over_budget(self) -> bool:
        """Whether it took longer than it may."""
        return self.seconds > self.budget_minutes * 60


HEADINGS = ("group", "time", "budget", "passed", "failed", "not tested", "")


def table(results: Sequence[Result]) -> Iterator[str]:
    """The lines of the table."""
    rows = [HEADINGS, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        first, *others = row
        cells = (cell.rjust(width) for cell, width in zip(others[:-1], widths[1:-1], strict=True))
        yield "  ".join((first.ljust(widths[0]), *cells, others[-1])).rstrip()


def _row(result: Result) -> tuple[str, ...]:
    remarks = [result.crashed] if result.crashed else []
    if result.over_budget:
        remarks.append("over budget")
    return (
        result.name,
        f"{result.seconds:.1f} s",
        f"{result.budget_minutes * 60:.0f} s",
        str(result.passed),
        str(result.failed),
        str(len(result.not_tested)),
        "; ".join(remarks),
    )


def closing(results: Sequence[Result], *, strict: bool) -> tuple[list[str], bool]:
    """The lines below the table, the last of them `N passed, N failed`; and whether all is well.

    Where `strict`, what was not tested counts as failed. Nothing run at all is a failure too.
    """
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    reasons = Counter(reason for result in results for reason in result.not_tested)
    lines = [f"not tested: {reasons.total()}"]
    lines += [f"    {count} x {reason.removeprefix('not tested: ')}" for reason, count in sorted(reasons.items())]
    if strict and reasons:
        lines.append("    (nothing may be left out here, so these count as failed)")
        failed += reasons.total()
    # A run that broke off has no failed test to show for it.
    failed += sum(1 for result in results if result.crashed and not result.failed)
    if passed == 0:
        lines.append("no test was run")
    lines.append(f"{passed} passed, {failed} failed")
    return lines, failed == 0 and passed > 0
