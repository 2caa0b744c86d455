"""What tests of the auditor share: a scanner over one exchange, and seeds of every type, from ranges for fiction."""

from collections.abc import Sequence

from sayso.audit.adapters.aho_corasick import AhoCorasickEngine
from sayso.audit.core.decode.budget import Bounds
from sayso.audit.core.findings import Finding, Report
from sayso.audit.core.model import Direction, Exchange, Field, Peer, Place
from sayso.audit.core.scanner import Scanner, Settings
from sayso.audit.core.seed_types import Seed, SeedSet, SeedType, check

SEEDS: tuple[Seed, ...] = tuple(
    check(Seed(kind.value, kind, value, region))
    for kind, value, region in (
        (SeedType.IMEI, "490154203237518", ""),
        (SeedType.IMSI, "001010123456789", ""),
        (SeedType.ICCID, "8944500102198304826", ""),
        (SeedType.MSISDN, "+447700900123", "GB"),
        (SeedType.CONTACT_NAME, "Cordelia Vexmoor Quillfeather", ""),
        (SeedType.CONTACT_NUMBER, "+447700900456", "GB"),
        (SeedType.SMS_TEXT, "the heron waits beside pewter bridge at dusk", ""),
        (SeedType.EMAIL, "heron.vexmoor81@example.org", ""),
        (SeedType.ANDROID_ID, "9f3c6b21d07ae548", ""),
        (SeedType.MAC, "02:4b:7e:91:c3:5d", ""),
        (SeedType.ADVERTISING_ID, "3b7f0c52-9ad1-4e68-b2c4-81d05fe6a937", ""),
        (SeedType.SSID, "Pewter-Bridge-58", ""),
        (SeedType.COORDINATES, "-47.182364,-126.904518", ""),
        (SeedType.FREE, "qzvhtrkw5830", ""),
    )
)
PEER = Peer("tracker.example", "192.0.2.7", 443)


class Ticks:
    """A clock that moves a little each time it is read."""

    def __init__(self, step: float = 0.0) -> None:
        self._now = 0.0
        self._step = step

    def __call__(self) -> float:
        self._now += self._step
        return self._now


def scanner(
    seeds: Sequence[Seed] = SEEDS, decoys: Sequence[Seed] = (), *, bounds: Bounds | None = None, tick: float = 0.0
) -> Scanner:
    """A scanner whose clock stands still unless told."""
    settings = Settings(bounds=bounds or Bounds())
    made = Scanner(SeedSet(tuple(seeds), tuple(decoys)), settings, engine=AhoCorasickEngine(), monotonic=Ticks(tick))
    made.begin("capture")
    return made


def exchange(
    data: bytes,
    *,
    record: int = 0,
    place: Place = Place.BODY,
    direction: Direction = Direction.SENT,
    time: float | None = None,
) -> Exchange:
    """An exchange with one field."""
    return Exchange(record, time, PEER, "http/1.1", (Field(place, "", data, direction),), encrypted=True)


def scan(*events: Exchange, seeds: Sequence[Seed] = SEEDS) -> Report:
    """The report of some exchanges."""
    made = scanner(seeds)
    for event in events:
        made.feed(event)
    return made.report()


def findings(data: bytes, *, place: Place = Place.BODY, seeds: Sequence[Seed] = SEEDS) -> tuple[Finding, ...]:
    """What is found in one field."""
    return scan(exchange(data, place=place), seeds=seeds).findings


def chains(data: bytes, seed: str, *, place: Place = Place.BODY) -> set[tuple[str, ...]]:
    """The chains through which one seed is found in one field."""
    return {one.chain for one in findings(data, place=place) if one.seed == seed}
