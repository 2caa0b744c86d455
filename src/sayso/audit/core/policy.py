"""What a run's result means to whoever started it: allowed findings, and the exit code."""

import enum
import fnmatch
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sayso.audit.core.findings import Certainty, Finding, Report
from sayso.audit.core.model import Direction
from sayso.audit.errors import SeedError

MAX_FILE_BYTES = 1024 * 1024
_KEYS = frozenset({"seed", "type", "host", "phase", "direction", "place", "path", "reason"})


class Outcome(enum.IntEnum):
    """Exit codes of `sayso audit scan`."""

    CLEAN = 0
    """Nothing found, and all seen into."""
    LEAKS = 1
    UNUSABLE = 2
    """Usage, or input that cannot be read."""
    NOT_ALL_SEEN = 3
    """Nothing found, but not all seen into, or the run is partial."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A finding that is meant to be: every pattern given has to match (`*` and `?` as in file names)."""

    reason: str
    seed: str = "*"
    type: str = "*"
    host: str = "*"
    phase: str = "*"
    direction: str = "*"
    place: str = "*"
    path: str = "*"

    def covers(self, finding: Finding) -> bool:
        """Whether it speaks of this finding."""
        pairs = (
            (finding.seed, self.seed),
            (finding.seed_type, self.type),
            (finding.host.lower(), self.host.lower()),
            (finding.phase, self.phase),
            (finding.direction.value, self.direction),
            (finding.place.value, self.place),
            (finding.path, self.path),
        )
        return all(fnmatch.fnmatchcase(value, pattern) for value, pattern in pairs)


@dataclass(frozen=True, slots=True)
class Policy:
    """What fails a run."""

    fail_on: Certainty = Certainty.POSSIBLE
    sent_only: bool = False
    """Whether what a server merely echoes does not count."""
    allowances: tuple[Allowance, ...] = ()


def parse_allowances(data: bytes) -> tuple[Allowance, ...]:
    """Read `[[allow]]` tables.

    Raises:
        SeedError: no TOML, an unknown key, a value that is no text, or no reason given.
    """
    try:
        document = tomllib.loads(data[: MAX_FILE_BYTES + 1].decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        raise SeedError("the file of allowed findings is no TOML") from None
    rules = []
    for number, table in enumerate(document.get("allow", []), 1):
        if (
            not isinstance(table, dict)
            or set(table) - _KEYS
            or not all(isinstance(value, str) for value in table.values())
        ):
            raise SeedError(f"[[allow]] number {number}: there are {', '.join(sorted(_KEYS))}, all texts")
        if not table.get("reason"):
            raise SeedError(f"[[allow]] number {number} has no reason: say why this may leave the phone")
        rules.append(Allowance(**table))
    return tuple(rules)


def without_allowed(report: Report, allowances: Sequence[Allowance]) -> Report:
    """The report without findings that are allowed; a note says how many."""
    kept = tuple(one for one in report.findings if not any(rule.covers(one) for rule in allowances))
    gone = len(report.findings) - len(kept)
    if not gone:
        return report
    return replace(report, findings=kept, notes=(*report.notes, f"{gone} findings are allowed and not listed"))


def outcome(report: Report, policy: Policy | None = None) -> Outcome:
    """What the command exits with; never "clean" where something was not seen into."""
    policy = policy or Policy()
    for one in without_allowed(report, policy.allowances).findings:
        if one.certainty >= policy.fail_on and not (policy.sent_only and one.direction is Direction.RECEIVED):
            return Outcome.LEAKS
    if report.not_seen_into or report.partial or report.stats.findings_beyond:
        return Outcome.NOT_ALL_SEEN
    return Outcome.CLEAN
