"""The auditor put together: files, seeds and phases in, a report out.

    seeds = app.load_seeds(Path("seeds.toml"))
    report = app.scan([Path("capture.mitm")], seeds, phases=app.load_phases(Path("phases.txt")))
    app.write_reports(report, html=Path("report.html"))

`scan` can be interrupted (Ctrl-C): it then returns the report of what was read, marked as partial.
"""

import gc
import importlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random, SystemRandom
from typing import Final

from sayso.audit.adapters.aho_corasick import AhoCorasickEngine
from sayso.audit.adapters.capture import FileCapture, Limits, MonotonicClock
from sayso.audit.adapters.owners import Owners
from sayso.audit.adapters.owners import parse as parse_owners
from sayso.audit.core import ab, fresh, phases, policy, refused
from sayso.audit.core import seeds as seeds_file
from sayso.audit.core.decode.budget import Bounds
from sayso.audit.core.findings import Report
from sayso.audit.core.phases import Phases
from sayso.audit.core.scanner import Scanner, Settings
from sayso.audit.core.seed_types import SeedSet
from sayso.audit.errors import CaptureError, CorruptCaptureError, PluginError, SeedError
from sayso.audit.ports import Capture, Decoder, Engine, Progress
from sayso.audit.report import json_report

PLUGINS: Final = "sayso.audit.decoders"
ENGINES: Final = ("auto", "aho-corasick", "hyperscan")
LARGE_BYTES: Final = 16 * 1024 * 1024
"""Captures from this size on are worth a matcher that takes longer to build."""
PHASES_SUFFIX: Final = ".phases"
"""Marks made while recording lie beside the capture, under its name and this."""
MAX_REFUSED: Final = 16 * 1024 * 1024
REFUSED_SUFFIX: Final = ".refused"
"""And so do connections that an app refused to have opened."""


class Silent:
    """A progress that nobody looks at."""

    def advance(self, done: int) -> None:
        """Nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to scan; the defaults are what a person wants who says nothing."""

    bounds: Bounds = Bounds()  # noqa: RUF009  frozen
    limits: Limits = Limits()  # noqa: RUF009  frozen
    engine: str = ENGINES[0]
    decoys: int = 1
    """Made for each seed where the seeds file has none."""
    format: str = ""
    """Of the captures: "flows", "har", "pcap", "raw"; empty lets each file's bytes decide."""
    keylog: Path | None = None
    owners: Path | None = None
    """A list of owners of hosts, beside the one that comes with the auditor."""
    plugins: tuple[str, ...] = ()
    """Names of decoder plug-ins (entry points of `sayso.audit.decoders`)."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """A report, and the captures that no reader could read, with the reason."""

    report: Report
    unreadable: tuple[str, ...] = ()
    interrupted: bool = False


def load_seeds(path: Path, *, decoys: int = 0, rng: Random | None = None) -> SeedSet:
    """Read a seeds file.

    Args:
        path: the file.
        decoys: made for each seed where the file has none.
        rng: where they come from; the system's by default.

    Raises:
        SeedError: it is missing or wrong.
    """
    return with_decoys(seeds_file.parse(_bytes(path, seeds_file.MAX_FILE_BYTES, SeedError)), decoys, rng=rng)


def with_decoys(seeds: SeedSet, each: int, *, rng: Random | None = None) -> SeedSet:
    """The seeds with decoys, if they have none."""
    if seeds.decoys or not each:
        return seeds
    return replace(seeds, decoys=fresh.decoys_for(seeds.seeds, rng or SystemRandom(), each=each))


def load_phases(path: Path, *, offset: float = 0.0, day: date | None = None) -> Phases:
    """Read a phase file. Times of day belong to `day`, or to the day the file was written.

    Raises:
        PhaseError: it is wrong.
    """
    day = day or datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    return phases.parse(_bytes(path, phases.MAX_FILE_BYTES), day=day, offset=offset)


def beside(capture: Path, suffix: str) -> Path:
    """The file that lies beside a capture under its name and a suffix."""
    return capture.with_name(capture.name + suffix)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file that only its owner may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as file:
        file.write(line)


def phases_beside(captures: Iterable[Path], *, offset: float = 0.0) -> Phases | None:
    """The marks that `sayso audit record` left beside captures, if any."""
    found = [marks for one in captures if (marks := beside(one, PHASES_SUFFIX)).exists()]
    if not found:
        return None
    return phases.parse(b"\n".join(_bytes(one, phases.MAX_FILE_BYTES) for one in found), offset=offset)


def load_allowances(path: Path) -> tuple[policy.Allowance, ...]:
    """Read the file of findings that are meant to be.

    Raises:
        SeedError: it is wrong.
    """
    return policy.parse_allowances(_bytes(path, policy.MAX_FILE_BYTES))


def load_report(path: Path) -> Report:
    """Read a report of an earlier run.

    Raises:
        ReportError: it is none.
    """
    return json_report.read(_bytes(path, json_report.MAX_BYTES))


def _bytes(path: Path, most: int, error: type[SeedError] | None = None) -> bytes:
    """A file's bytes, one more than `most` at the utmost: its parser then says that it is too long."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except FileNotFoundError:
        if error is None:
            raise
        raise error(f"{path} is not there; 'sayso audit seeds new --out {path}' makes a new one") from None


def engine(name: str, *, size: int = 0) -> Engine:
    """The matcher of that name; "auto" takes the fastest for captures of so many bytes.

    Raises:
        PluginError: it is not installed.
    """
    large = size >= LARGE_BYTES
    if name == "hyperscan" or (name == "auto" and large):
        try:
            module = importlib.import_module("sayso.audit.adapters.hyperscan_engine")
        except ImportError:
            if name == "hyperscan":
                raise PluginError("hyperscan is not installed: pip install 'sayso[audit-hyperscan]'") from None
        else:
            made: Engine = module.HyperscanEngine()
            return made
    return AhoCorasickEngine(large=large)


def load_plugins(names: Iterable[str]) -> tuple[Decoder, ...]:
    """Decoders that other packages bring.

    Raises:
        PluginError: there is none of that name, or it cannot be loaded.
    """
    wanted = tuple(names)
    if not wanted:
        return ()
    known = {point.name: point for point in importlib.import_module("importlib.metadata").entry_points(group=PLUGINS)}
    found = []
    for name in wanted:
        if name not in known:
            raise PluginError(f"no installed package has a decoder {name!r} (entry points of {PLUGINS})")
        try:
            decoder: Decoder = known[name].load()
        except Exception as error:
            raise PluginError(f"the decoder {name!r} cannot be loaded ({type(error).__name__})") from error
        found.append(decoder() if isinstance(decoder, type) else decoder)
    return tuple(found)


@dataclass(slots=True)
class _Run:
    unreadable: list[str] = field(default_factory=list)
    interrupted: bool = False


def scan(
    captures: Sequence[Path],
    seeds: SeedSet,
    *,
    phases: Phases | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
    rng: Random | None = None,
) -> Scanned:
    """Search captures for seeds.

    Args:
        captures: files, in the order of the report.
        seeds: what to look for.
        phases: the steps of the experiment; marks beside the captures where None is given.
        options: how to scan.
        progress: hears how many bytes of the files were read.
        rng: where decoys come from.

    Raises:
        AuditError: of seeds, plug-ins, phases or lists; never of a capture, which is told in the result.
    """
    options = options or Options()
    more = parse_owners(_bytes(options.owners, 4 * 1024 * 1024).decode("utf-8", "replace")) if options.owners else None
    files = [FileCapture(path, kind=options.format, keylog=options.keylog, limits=options.limits) for path in captures]
    run = _Run()
    with ExitStack() as ended:
        for one in files:
            ended.callback(one.close)
        with suppress(CaptureError):  # said when it is this file's turn
            for one in files[:1]:
                one.start()  # on another core, while the tables are built here
        with _no_collections():
            scanner = Scanner(
                with_decoys(seeds, options.decoys, rng=rng),
                Settings(bounds=options.bounds),
                engine=engine(options.engine, size=sum(path.stat().st_size for path in captures if path.exists())),
                monotonic=MonotonicClock.monotonic,
                plugins=load_plugins(options.plugins),
                phases=phases if phases is not None else phases_beside(captures),
                owner=Owners(more),
            )
        _search(scanner, files, captures, progress or Silent(), run)
    return Scanned(scanner.report(partial=run.interrupted), tuple(run.unreadable), run.interrupted)


def _search(
    scanner: Scanner, files: Sequence[FileCapture], captures: Sequence[Path], progress: Progress, run: _Run
) -> None:
    gc.freeze()  # no collection goes through the tables again
    try:
        for one, path in zip(files, captures, strict=True):
            _feed(scanner, one, progress, run)
            marks = beside(path, REFUSED_SUFFIX)
            for event in refused.parse(_bytes(marks, MAX_REFUSED).decode("utf-8", "replace")) if marks.exists() else ():
                scanner.feed(event)
    except KeyboardInterrupt:
        run.interrupted = True
        scanner.note("the run was interrupted; what had been read by then was searched", partial=True)
    finally:
        gc.unfreeze()


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the garbage collector away while tables are built, all of which stay: it costs a quarter of the time."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _feed(scanner: Scanner, capture: Capture, progress: Progress, run: _Run) -> None:
    scanner.begin(capture.name)
    try:
        for event in capture.events(progress):
            scanner.feed(event)
    except CorruptCaptureError as error:
        scanner.note(str(error), partial=True)
    except CaptureError as error:
        scanner.note(str(error), partial=True)
        run.unreadable.append(str(error))


def follow(
    first: Sequence[Path], second: Sequence[Path], *, options: Options | None = None, progress: Progress | None = None
) -> tuple[ab.Follower, ...]:
    """A/B: which fields are the same within each group of recordings and differ between them.

    Raises:
        CaptureError: a capture cannot be read, or breaks off: half a recording proves nothing.
    """
    options = options or Options()

    def recordings(paths: Sequence[Path]) -> Iterator[ab.Recording]:
        for path in paths:
            made = ab.Recording()
            capture = FileCapture(path, kind=options.format, keylog=options.keylog, limits=options.limits)
            for event in capture.events(progress or Silent()):
                made.feed(event)
            yield made

    return ab.followers(list(recordings(first)), list(recordings(second)))


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read: reports show what was on the phone. Whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    beside.replace(path)


def write_reports(
    report: Report, *, json: Path | None = None, html: Path | None = None, sarif: Path | None = None
) -> None:
    """Write whichever reports are wanted."""
    if json is not None:
        write_private(json, json_report.render(report))
    # Their libraries cost time to load: a run that wants no page does not wait for the template engine.
    if html is not None:
        page = importlib.import_module("sayso.audit.report.html").render(report)
        write_private(html, page.encode("utf-8", "backslashreplace"))
    if sarif is not None:
        write_private(sarif, importlib.import_module("sayso.audit.report.sarif").render(report))
