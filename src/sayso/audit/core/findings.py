"""What a run says: findings, what nobody could look into, decoys, and how much was read."""

import enum
from dataclasses import dataclass, field

from sayso.audit.core.model import Direction, Place

SCHEMA = "sayso/audit-report/1"


class Certainty(enum.IntEnum):
    """How sure a finding is; the order counts."""

    HINT = 0
    """Proves nothing by itself: a checksum, four bytes in a row."""
    POSSIBLE = 1
    """A short name or a cut digest: look at the evidence."""
    LIKELY = 2
    CERTAIN = 3
    """By chance not once in all the traffic there is."""

    @property
    def word(self) -> str:
        """As reports write it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Bytes of the innermost view, around the match."""

    before: bytes = field(default=b"", repr=False)
    marked: bytes = field(default=b"", repr=False)
    after: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """One seed, met in one place of one exchange through one chain of encodings."""

    seed: str
    seed_type: str
    chain: tuple[str, ...]
    """From the wire inwards, ending in the digest or the form."""
    form: str
    """Which spelling of the seed it was, of a digest too: "plain", "e164", "14-digit"."""
    file: str
    record: int
    host: str
    ip: str
    port: int
    protocol: str
    place: Place
    name: str
    """The header's name; of other places empty or what the reader says."""
    path: str
    """The parameter or member that held it, from the outside inwards; empty where none stands before it."""
    direction: Direction
    phase: str
    certainty: Certainty
    reason: str
    encrypted_on_wire: bool | None
    time: float | None
    method: str = ""
    url: str = ""
    """Scheme, host and path of an HTTP request, without its query."""
    owner: str = ""
    count: int = 1
    """Times in this place of this exchange; where the run met more than it keeps, of the exchanges that follow too."""
    detail: str = ""
    evidence: Evidence = Evidence()


@dataclass(frozen=True, slots=True)
class Unseen:
    """Traffic to one host that nobody looked into, for one reason."""

    host: str
    ip: str
    port: int
    protocol: str
    reason: str
    phase: str
    sent: int
    """Bytes."""
    received: int
    times: int
    file: str
    record: int
    """The first."""


@dataclass(frozen=True, slots=True)
class Decoys:
    """How many values that are on no phone were looked for, and which were found all the same."""

    count: int
    found: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Stats:
    """How much was read, and how long it took."""

    bytes: int = 0
    """Of all fields."""
    seconds: float = 0.0
    exchanges: int = 0
    findings_beyond: int = 0
    """Findings that were counted but not kept, since the run met more than it keeps."""


@dataclass(frozen=True, slots=True)
class SeedInfo:
    """A seed as reports name it: never its value."""

    id: str
    type: str


@dataclass(frozen=True, slots=True)
class Report:
    """The whole result."""

    files: tuple[str, ...]
    seeds: tuple[SeedInfo, ...]
    phases: tuple[str, ...]
    """In the order in which they began."""
    findings: tuple[Finding, ...]
    not_seen_into: tuple[Unseen, ...]
    decoys: Decoys
    stats: Stats
    partial: bool = False
    """The run was stopped, or a capture broke off."""
    notes: tuple[str, ...] = ()
    """What a reader of the report has to know: files that broke off, digests this machine cannot make."""
