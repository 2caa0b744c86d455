"""From runs to results: medians, worst cases, and the targets beside them."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from bench.procfs import Figures

ANY_SIZE: Final = 0
FAULTS: Final = ("lost", "twice", "out_of_order", "strange", "refused", "not_live", "outcomes_missing")
"""What must not happen to a message; their sum is the figure `faults`."""
WORST: Final = frozenset({*FAULTS, "disk_write_bytes", "file_calls"})
"""Of these the worst run counts, not the median: once is too often."""


class Result(Struct, frozen=True):
    """All runs of a workload at one size."""

    workload: str
    size: int
    """Bytes of an envelope; 0 where none matters."""
    runs: list[Figures]
    figures: Figures
    """Medians; of what must not happen the worst."""


class Verdict(Struct, frozen=True):
    """A target beside what was measured."""

    workload: str
    size: int
    figure: str
    wanted: str
    measured: float | None
    """None: not measured in this run."""
    met: bool | None


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that has to be reached."""

    workload: str
    size: int
    figure: str
    at_least: float | None = None
    at_most: float | None = None
    below: float | None = None

    def judge(self, results: Sequence[Result]) -> Verdict:
        """Compare."""
        measured = next(
            (
                result.figures.get(self.figure)
                for result in results
                if result.workload == self.workload and self.size in {ANY_SIZE, result.size}
            ),
            None,
        )
        met = None if measured is None else self._holds(measured)
        return Verdict(self.workload, self.size, self.figure, self._wanted(), measured, met)

    def _holds(self, measured: float) -> bool:
        return (
            (self.at_least is None or measured >= self.at_least)
            and (self.at_most is None or measured <= self.at_most)
            and (self.below is None or measured < self.below)
        )

    def _wanted(self) -> str:
        bounds = (("at least", self.at_least), ("at most", self.at_most), ("below", self.below))
        return " and ".join(f"{word} {bound:,g}" for word, bound in bounds if bound is not None)


def _never(workload: str, *figures: str) -> tuple[Target, ...]:
    return tuple(Target(workload, size, figure, at_most=0) for figure in figures for size in (1024, 2048))


TARGETS: Final = (
    Target("online", 1024, "msgs_per_server_cpu_s", at_least=120_000),
    *_never("online", "disk_write_bytes", "faults"),
    Target("online-strace", ANY_SIZE, "file_calls", at_most=0),
    Target("light", 1024, "delivered_p50_ms", below=0.5),
    Target("light", 1024, "delivered_p99_ms", below=3),
    Target("deposits", 1024, "deposits_per_server_cpu_s", at_least=40_000),
    Target("deposits", 1024, "drained_per_server_cpu_s", at_least=40_000),
    Target("deposits", 2048, "deposits_per_server_cpu_s", at_least=25_000),
    *_never("deposits", "faults"),
    *_never("deposits-while-online", "faults"),
    Target("idle", ANY_SIZE, "kib_per_connection", at_most=16),
    Target("recovery", ANY_SIZE, "first_delivery_s", at_most=2),
    Target("recovery", ANY_SIZE, "faults", at_most=0),
    Target("flood", ANY_SIZE, "flooded_delivered_p99_ms", below=3),
    Target("flood", ANY_SIZE, "faults", at_most=0),
    Target("workers", ANY_SIZE, "cpu_ratio", at_most=1.15),
    Target("workers", ANY_SIZE, "faults", at_most=0),
    Target("postgres-deposits", 1024, "deposits_per_server_cpu_s", at_least=30_000),
    *_never("postgres-deposits", "faults"),
    Target("enrolment", ANY_SIZE, "unconfirmed", at_most=0),
    Target("discovery", ANY_SIZE, "discovered_s", below=1),
    Target("discovery", ANY_SIZE, "evaluations_per_server_cpu_s", at_least=12_000),
    Target("enrolled-set", ANY_SIZE, "set_bytes", at_most=4_200_000),
    Target("enrolled-set", ANY_SIZE, "built_s", below=20),
    Target("enrolled-set", ANY_SIZE, "shard_decoded_ms", below=50),
    Target("audit", ANY_SIZE, "har_mb_per_cpu_s", at_least=20),
    Target("audit", ANY_SIZE, "mitm_mb_per_cpu_s", at_least=20),
    Target("audit", ANY_SIZE, "start_wall_s", below=0.3),
    Target("audit", ANY_SIZE, "page_mb", below=10),
    Target("audit", ANY_SIZE, "page_load_s", below=2),
    Target("timing", ANY_SIZE, "worst_us", below=10),
    Target("web-app", ANY_SIZE, "first_load_bytes", below=100_000),
    Target("web-app", ANY_SIZE, "first_paint_ms", below=150),
    Target("web-app", ANY_SIZE, "requests_before_paint", at_most=2),
    Target("web-app", ANY_SIZE, "bytes_before_paint", below=14_600),
    Target("web-app", ANY_SIZE, "layout_shift", at_most=0.05),
    Target("web-app", ANY_SIZE, "open_thread_p50_ms", below=100),
    Target("web-app", ANY_SIZE, "live_p50_ms", below=200),
)
"""What has to be reached on a quiet machine (design.md §8)."""


def result(workload: str, size: int, runs: Sequence[Figures]) -> Result:
    """Make the result of some runs."""
    return Result(workload, size, list(runs), summed_up(runs))


def summed_up(runs: Sequence[Mapping[str, float]]) -> Figures:
    """Return the median of each figure, and the worst of those that must not happen."""
    names = dict.fromkeys(name for run in runs for name in run)
    figures: Figures = {}
    for name in names:
        values = [run[name] for run in runs if name in run]
        figures[name] = max(values) if name in WORST else statistics.median(values)
    if figures.keys() & set(FAULTS):
        figures["faults"] = sum(figures.get(name, 0) for name in FAULTS)
    return figures
