"""What the auditor needs of the world, and what its parts need of each other.

    readers (adapters/)  --Event-->  core.scanner.Scanner  --Report-->  report/ (HTML, JSON, SARIF)

How it goes (app.py):

    scanner = Scanner(seed_set, Settings(), engine=..., monotonic=..., phases=..., owner=...)
    for capture in captures:
        scanner.begin(capture.name)              # stands in the report
        for event in capture.events(progress):   # a CorruptCaptureError: scanner.note(str(error), partial=True)
            scanner.feed(event)                  # constant memory; findings are merged as they come
    report = scanner.report()                    # may be asked at any time: Ctrl-C leaves report(partial=True)
    write(json_report.render(report)); write(html.render(report)); write(sarif.render(report))
    exit code: core.policy.outcome(report, Policy(...))

Also for app.py: `core.seeds.parse` and `render`, `core.fresh.new_set` and `decoys_for` (a file without decoys gets
some), `core.phases.parse`, `core.compare.compare` (two reports), `core.ab` (recordings that differ in the seeds only),
`report.json_report.read`.
"""

from collections.abc import Iterator
from typing import Protocol

from sayso.audit.core.foreign import Decoder, Engine, Matcher
from sayso.audit.core.model import Event

__all__ = ["Capture", "Clock", "Decoder", "Engine", "Matcher", "Progress"]


class Progress(Protocol):
    """Hears how far a reader is."""

    def advance(self, done: int) -> None:
        """Say that `done` bytes of the file have been read since the last call."""


class Capture(Protocol):
    """One recording."""

    @property
    def name(self) -> str:
        """What the report calls it: the file's name."""

    @property
    def size(self) -> int:
        """Bytes; 0 where nobody knows."""

    def events(self, progress: Progress) -> Iterator[Event]:
        """Yield what it holds, in order, in constant memory.

        Raises:
            CaptureError: it cannot be read; a CorruptCaptureError comes after all that could be read.
        """


class Clock(Protocol):
    """Time that only grows, for the time bound."""

    def monotonic(self) -> float:
        """Return seconds."""
