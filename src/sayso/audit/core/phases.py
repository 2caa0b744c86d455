"""Phases: which step of the experiment an exchange belongs to.

A phase file has a line for each phase, `TIME NAME`, where TIME is ISO 8601, seconds since 1970, or a time of day; or
it is TOML with `[[phase]]` tables of `at` and `name`. A phase lasts until the next begins. `offset` moves all times by
seconds, where the phone's or the proxy's clock was wrong.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sayso.audit.core.model import Mark
from sayso.audit.errors import PhaseError

MAX_FILE_BYTES = 1024 * 1024
MAX_PHASES = 1_000
BEFORE = "before the first phase"
_LINE = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\d{1,2}:\d\d(?::\d\d)?|\d+(?:\.\d+)?)\s+(?P<name>\S.*)"
)
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Phases:
    """Phases in the order of their beginning."""

    starts: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    def at(self, when: float | None) -> str:
        """The phase at a time; empty where no phases are known or no time is."""
        if when is None or not self.starts:
            return ""
        place = bisect_right(self.starts, when)
        return self.names[place - 1] if place else BEFORE

    def with_mark(self, mark: Mark) -> "Phases":
        """These and one more."""
        return _ordered([*zip(self.starts, self.names, strict=True), (mark.time, mark.phase)])


def _ordered(pairs: Iterable[tuple[float, str]]) -> Phases:
    ordered = sorted(pairs, key=lambda pair: pair[0])
    return Phases(tuple(at for at, _ in ordered), tuple(name for _, name in ordered))


def parse(data: bytes, *, day: date | None = None, offset: float = 0.0) -> Phases:
    """Read a phase file.

    Args:
        data: the file.
        day: what a time of day belongs to, in UTC; without it, times of day are refused.
        offset: seconds to add to every time of the file.

    Raises:
        PhaseError: a line is neither a comment nor a phase, with its number.
    """
    if len(data) > MAX_FILE_BYTES:
        raise PhaseError(f"a phase file has at most {MAX_FILE_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PhaseError("the phase file is not UTF-8") from None
    pairs = list(_toml(text, day) if re.search(r"^\s*\[\[phase\]\]", text, re.MULTILINE) else _lines(text, day))
    if not pairs:
        raise PhaseError("the phase file has no phase; write lines such as '2026-08-07T10:15:00Z SIM in'")
    if len(pairs) > MAX_PHASES:
        raise PhaseError(f"at most {MAX_PHASES} phases")
    return _ordered((at + offset, name) for at, name in pairs)


def _lines(text: str, day: date | None) -> Iterator[tuple[float, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        found = _LINE.fullmatch(bare)
        if found is None:
            raise PhaseError(f"phase file, line {number}: write TIME and NAME, as in '10:15 SIM in'")
        yield _seconds(found["at"], day, f"line {number}"), _named(found["name"])


def _toml(text: str, day: date | None) -> Iterator[tuple[float, str]]:
    try:
        tables = tomllib.loads(text).get("phase", [])
    except (tomllib.TOMLDecodeError, RecursionError):
        raise PhaseError("the phase file is no TOML") from None
    for number, table in enumerate(tables, 1):
        match table:
            case {"at": str(at), "name": str(name)}:
                yield _seconds(at, day, f"phase {number}"), _named(name)
            case {"at": int(at) | float(at), "name": str(name)}:
                yield float(at), _named(name)
            case {"at": datetime() as at, "name": str(name)}:
                yield (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp(), _named(name)
            case _:
                raise PhaseError(f"phase file, phase {number}: it needs 'at' and 'name'")


def _named(name: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in name.strip())[:_LONGEST_NAME]


def _seconds(text: str, day: date | None, where: str) -> float:
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    try:
        if re.fullmatch(r"\d{1,2}:\d\d(?::\d\d)?", text):
            if day is None:
                raise PhaseError(f"phase file, {where}: give the day as well, as in '2026-08-07T10:15:00Z'")
            hour, minute, second = (int(part) for part in f"{text}:0".split(":")[:3])
            return datetime.combine(day, time(hour, minute, second), UTC).timestamp()
        when = datetime.fromisoformat(text)
    except ValueError:
        raise PhaseError(f"phase file, {where}: that time does not exist") from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
