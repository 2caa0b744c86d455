"""Measure the server and print the figures: `python -m bench [WORKLOAD...]`; `soak` loads it and kills it."""

import argparse
import os
import resource
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import msgspec
import uvloop

from bench import accounts
from bench.bench import Bench
from bench.clients import DriverError
from bench.machine import machine
from bench.procfs import Figures
from bench.reference import machine_reference
from bench.report import Report, lines
from bench.results import ANY_SIZE, TARGETS, Result, result
from bench.server import DIRECTORY, ServerFailedError, environment, pin_driver
from bench.settings import QUICK, Settings
from bench.soak import soak
from bench.workloads import WORKLOADS, Workload

_HERE: Final = Path(__file__).parent
RESULTS: Final = _HERE / "results"
WORK: Final = _HERE.parent / "build"
"""Where the server's data lies meanwhile: on the disk that the tree is on, since /tmp may be memory."""
FAULTY: Final = 1
SOAK: Final = "soak"


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; every workload without arguments."""
    parser = _parser()
    options = parser.parse_args(arguments)
    known = [workload.name for workload in WORKLOADS]
    names = options.workloads or known
    if names != [SOAK] and not set(names) <= set(known):
        parser.error(f"choose among {', '.join(known)}; or {SOAK} alone")
    settings = _settings(options)
    code = FAULTY
    with _work_directory() as work:
        try:
            if names == [SOAK]:
                code = uvloop.run(_soak(settings, work, minutes=options.minutes))
            else:
                code = _bench(options, settings, work, [one for one in WORKLOADS if one.name in names])
        except* (DriverError, ServerFailedError) as group:
            for error in _leaves(group):
                print(f"bench: {error}", *getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
    return code


def _bench(options: argparse.Namespace, settings: Settings, work: Path, chosen: Sequence[Workload]) -> int:
    at = datetime.now(UTC)
    facts = machine(work)
    pinned = pin_driver(settings)
    results, remarks = uvloop.run(_measure(settings, work, chosen, say=not options.json))
    report = Report(
        at.isoformat(timespec="seconds"),
        facts,
        settings,
        pinned,
        results,
        [target.judge(results) for target in TARGETS],
        remarks,
    )
    document = msgspec.json.format(msgspec.json.encode(report)) + b"\n"
    out = options.out or RESULTS / f"{at:%Y%m%dT%H%M%SZ}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(document)
    if options.json:
        sys.stdout.buffer.write(document)
    else:
        print(*lines(report), "", f"Written to {out}", sep="\n")
    return 0


async def _measure(
    settings: Settings, work: Path, chosen: Sequence[Workload], *, say: bool
) -> tuple[list[Result], list[str]]:
    """Interleave the runs, so that a noisy minute spoils one of each and not all of one."""
    bench = await _seeded(settings, work)
    runs: dict[tuple[str, int], list[Figures]] = {}
    for turn in range(settings.repeat):
        for workload in chosen:
            for size in settings.sizes if workload.every_size else settings.sizes[-1:]:
                if say:
                    print(f"{turn + 1}/{settings.repeat} {workload.name} {size} ...", file=sys.stderr, flush=True)
                reference = machine_reference(settings.server_core)
                figures = reference | await workload.measure(bench, size)
                runs.setdefault((workload.name, size if workload.every_size else ANY_SIZE), []).append(figures)
    return [result(name, size, all_runs) for (name, size), all_runs in runs.items()], bench.remarks


async def _soak(settings: Settings, work: Path, *, minutes: float) -> int:
    pin_driver(settings)
    faults = await soak(await _seeded(settings, work), minutes=minutes)
    return FAULTY if faults else 0


async def _seeded(settings: Settings, work: Path) -> Bench:
    environment(interpreted=settings.interpreted)  # compiled, if it has to be, before anything is measured
    seeded = work / "seeded"
    seeded.mkdir(mode=0o700)
    await accounts.seed(seeded / DIRECTORY, settings.accounts)
    return Bench(settings, seeded=seeded, work=work)


def _settings(options: argparse.Namespace) -> Settings:
    settings = QUICK if options.quick else Settings()
    given = {
        "repeat": options.repeat,
        "seconds": options.seconds,
        "window": options.window,
        "waiting": options.waiting,
        "idle": options.idle,
        "timing_pairs": options.pairs,
        "workers": options.workers,
        "tls": options.tls or None,
        "lean": options.lean or None,
        "interpreted": options.interpreted or None,
        "sizes": None if options.size is None else tuple(options.size),
    }
    settings = replace(settings, **{name: value for name, value in given.items() if value is not None})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return settings


@contextmanager
def _work_directory() -> Iterator[Path]:
    WORK.mkdir(exist_ok=True)
    work = Path(mkdtemp(prefix="bench-", dir=os.environ.get("SAYSO_BENCH_DIR", WORK)))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _parser() -> argparse.ArgumentParser:
    about = "\n".join(f"  {one.name:24}{one.about}" for one in WORKLOADS)
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=...",
        description=f"{__doc__}\n\nworkloads:\n{about}\n  {SOAK:24}load and kill -9, for --minutes",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="all of them, if none is named")
    parser.add_argument("--json", action="store_true", help="print the JSON document instead of the table")
    parser.add_argument("--out", type=Path, help="where the JSON goes (default: bench/results/<UTC time>.json)")
    parser.add_argument("--quick", action="store_true", help="everything tiny: shows that it works, measures nothing")
    parser.add_argument("--repeat", type=int, help="runs of each workload")
    parser.add_argument("--seconds", type=float, help="measured window of online and light")
    parser.add_argument("--size", type=int, action="append", help="bytes of an envelope; may be given twice")
    parser.add_argument("--window", type=int, help="unanswered deposits of each sender")
    parser.add_argument("--waiting", type=int, help="envelopes that wait when the server is killed")
    parser.add_argument("--pairs", type=int, help="requests of each kind whose times are compared")
    parser.add_argument("--idle", type=int, help="connections that do nothing")
    parser.add_argument("--workers", type=int, help="processes that are compared with one")
    parser.add_argument("--tls", action="store_true", help="the streams by TLS (not for what goes by HTTP)")
    parser.add_argument("--lean", action="store_true", help="start the server with --lean-connections")
    parser.add_argument("--interpreted", action="store_true", help="run the server without its compiled core")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long soak runs")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
