"""Events in, report out: the one object that a run drives."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from sayso.audit.core import judge
from sayso.audit.core.decode.budget import Bounds, Budget
from sayso.audit.core.digests import ALGORITHMS, Checksum, DigestIndex, checksums, digests_of, joined_digests
from sayso.audit.core.findings import Certainty, Decoys, Evidence, Finding, Report, SeedInfo, Stats, Unseen
from sayso.audit.core.foreign import Decoder, Engine
from sayso.audit.core.forms import expand
from sayso.audit.core.hits import Hit, detour
from sayso.audit.core.model import Chunk, Direction, Event, Exchange, Field, Mark, NotSeen, Peer, Place
from sayso.audit.core.opacity import is_media
from sayso.audit.core.phases import Phases
from sayso.audit.core.search import Search
from sayso.audit.core.seed_types import SeedSet, SeedType
from sayso.audit.core.split import SplitSearch, pieces

EXPECTED_DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256", "ripemd160")
CARRIED = 4096
"""Bytes of a stream that are kept until its next piece comes: a seed may lie across."""
IDS = frozenset({SeedType.IMEI, SeedType.IMSI, SeedType.ICCID, SeedType.ANDROID_ID, SeedType.MAC})
"""Seeds that are digested two at a time."""
MAX_JOINED = 12
OPEN_STREAMS = 4_096
USUAL_BOUNDS = Bounds()
TOLD_SHORTLY = frozenset({Place.URL, Place.HEADER, Place.COOKIE, Place.STATUS})
"""Of an exchange, these are looked at together first."""
XORED = frozenset({Place.BODY, Place.MESSAGE, Place.PAYLOAD})
NO_REASON = "random bytes: encrypted, or packed in an unknown way"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a person may change about a run."""

    bounds: Bounds = USUAL_BOUNDS
    findings: int = 100_000
    """Findings that are kept; what comes after is counted where it belongs."""
    evidence: int = 20_000
    """Findings that keep the bytes around the match."""
    not_seen: int = 10_000
    """Different entries of traffic not seen into."""


@dataclass(slots=True)
class _Opaque:
    first: Unseen
    sent: int = 0
    received: int = 0
    times: int = 0


@dataclass(slots=True)
class _Kept:
    finding: Finding
    count: int = 1


class Scanner:
    """Searches what readers yield. Not for several threads.

    Raises:
        SeedError: from the constructor, where a seed cannot be of its type.
    """

    def __init__(
        self,
        seeds: SeedSet,
        settings: Settings | None = None,
        *,
        engine: Engine,
        monotonic: Callable[[], float],
        plugins: Sequence[Decoder] = (),
        phases: Phases | None = None,
        owner: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._settings = settings or Settings()
        self._seeds = (*seeds.seeds, *seeds.decoys)
        self._monotonic = monotonic
        self._owner = owner
        self._phases = phases or Phases()
        # A decoy shares its domain or its first digits with its seed: parts of it would be met wherever the seed is.
        forms = [tuple(form for form in expand(seed) if not (seed.decoy and form.part)) for seed in self._seeds]
        ids = [(number, one.value.encode()) for number, one in enumerate(seeds.seeds) if one.type in IDS][:MAX_JOINED]
        index = DigestIndex(
            chain(
                joined_digests(ids),
                *(digests_of(number, several, seeds.salts, seeds.keys) for number, several in enumerate(forms)),
            )
        )
        known: defaultdict[bytes, list[Checksum]] = defaultdict(list)
        for number, several in enumerate(forms):
            for key, checksum in checksums(number, several):
                known[key].append(checksum)
        self._search = Search(forms, index, known, engine, plugins, pieces(forms))
        self._split = SplitSearch(forms, engine)
        self._started = monotonic()
        self._files: list[str] = []
        self._notes: dict[str, None] = {}
        self._kept: dict[tuple[object, ...], _Kept] = {}
        self._groups: dict[tuple[object, ...], tuple[object, ...]] = {}
        self._opaque: dict[tuple[object, ...], _Opaque] = {}
        self._tails: dict[tuple[object, ...], bytes] = {}
        self._met_phases: dict[str, None] = {}
        self._bytes = self._exchanges = self._beyond = 0
        self._partial = False
        missing = [name for name in EXPECTED_DIGESTS if name not in ALGORITHMS]
        if missing:
            self.note(f"this machine's OpenSSL cannot make {', '.join(missing)}: such digests are not looked for")

    def begin(self, name: str) -> None:
        """A capture of this name begins."""
        self._files.append(name)
        self._tails.clear()

    def note(self, text: str, *, partial: bool = False) -> None:
        """Put a sentence into the report; `partial` where something was left out."""
        self._notes[text] = None
        self._partial = self._partial or partial

    def feed(self, event: Event) -> None:
        """Search one event."""
        match event:
            case Exchange():
                self._exchange(event)
            case Chunk():
                self._chunk(event)
            case NotSeen():
                self._not_seen(event, event.reason, event.sent, event.received)
            case Mark():
                self._phases = self._phases.with_mark(event)

    def _exchange(self, event: Exchange) -> None:
        self._exchanges += 1
        budget = Budget(self._settings.bounds, self._monotonic)
        several: dict[Direction, list[tuple[Field, Hit]]] = {}
        cut: set[Direction] = set()
        short = [field.data for field in event.fields if field.place in TOLD_SHORTLY]
        worth = self._search.worth_a_look(short, budget) if short else ()
        for field in event.fields:
            if field.place in TOLD_SHORTLY and field.data not in worth:
                self._bytes += len(field.data)
                continue
            hits = self._look(event, field, budget)
            if hits:
                several.setdefault(field.direction, []).extend((field, hit) for hit in hits)
            if self._search.met_piece:
                cut.add(field.direction)
        for direction in several.keys() | cut:
            self._join(event, direction, several.get(direction, []), across=direction in cut)
        if budget.incomplete:
            size = sum(len(field.data) for field in event.fields)
            self._not_seen(event, f"decoding stopped at its bound ({budget.incomplete})", size, 0)

    def _look(self, event: Exchange | Chunk, field: Field, budget: Budget) -> tuple[Hit, ...]:
        self._bytes += len(field.data)
        hits = self._search.look(
            field.data, budget, coding=field.coding if _still_coded(field) else "", xor=field.place in XORED
        )
        opaque = self._search.opaque_bytes
        if opaque:
            self._not_seen(event, NO_REASON, *_both(field.direction, opaque))
        if field.place is Place.DNS and b"." in field.data:
            hits += self._labels(field.data, budget)
        return hits

    def _labels(self, name: bytes, budget: Budget) -> tuple[Hit, ...]:
        """A value cut into labels of at most 63 octets (RFC 1035, 2.3.4), with and without the domain asked of."""
        labels = name.strip(b".").split(b".")
        found: list[Hit] = []
        for domain in range(min(4, len(labels) - 1)):
            joined = b"".join(labels[: len(labels) - domain])
            found += (hit.under("dns-labels") for hit in self._search.look(joined, budget) if not hit.part)
            if found:
                break
        return tuple(found)

    def _join(self, event: Exchange, direction: Direction, met: list[tuple[Field, Hit]], *, across: bool) -> None:
        """Keep what counts by itself; what counts only together, if it is together."""
        whole = {hit.seed for _, hit in met if not hit.part}
        for field, hit in met:
            if not hit.part and not any(other is field and detour(known, hit) for other, known in met):
                self._keep(event, field, hit)
        parts = [hit for _, hit in met if hit.part]
        joined = self._split.together(parts) if len(parts) > 1 else []
        if across and not whole:
            joined += self._split.across(field.data for field in event.fields if field.direction is direction)
        for hit in joined:
            if hit.seed not in whole:
                whole.add(hit.seed)
                self._keep(event, met[0][0] if met else event.fields[0], hit)

    def _chunk(self, event: Chunk) -> None:
        budget = Budget(self._settings.bounds, self._monotonic)
        field = event.field
        stream = (event.record, field.direction, field.place, field.name)
        tail = self._tails.pop(stream, b"")
        data = tail + field.data
        hits = self._search.look(data, budget, xor=field.place in XORED)
        opaque = self._search.opaque_bytes
        self._bytes += len(field.data)
        if opaque:
            self._not_seen(event, NO_REASON, *_both(field.direction, min(opaque, len(field.data))))
        # What lay in the tail alone was found with the piece before.
        old = {(hit.seed, hit.chain, hit.marked) for hit in self._search.look(tail, budget)} if tail and hits else set()
        for hit in hits:
            if not hit.part and (hit.seed, hit.chain, hit.marked) not in old:
                self._keep(event, field, hit)
        if not event.end:
            if len(self._tails) >= OPEN_STREAMS:
                del self._tails[next(iter(self._tails))]
            self._tails[stream] = data[-CARRIED:]

    def _phase(self, event: Exchange | Chunk | NotSeen) -> str:
        phase = event.phase if event.phase is not None else self._phases.at(event.time)
        if phase:
            self._met_phases[phase] = None
        return phase

    def _keep(self, event: Exchange | Chunk, field: Field, hit: Hit) -> None:
        file = self._files[-1] if self._files else ""
        place = (hit.seed, hit.chain, file, event.record, event.peer, field.place, field.name, field.direction, hit.key)
        kept = self._kept.get(place)
        if kept is not None:
            kept.count += 1
            return
        group = (hit.seed, hit.chain, event.peer.host, field.place, field.direction)
        if len(self._kept) >= self._settings.findings:
            self._beyond += 1
            first = self._groups.get(group)
            if first is not None:
                self._kept[first].count += 1
                return
            if len(self._kept) >= 2 * self._settings.findings:
                return
        self._groups.setdefault(group, place)
        self._kept[place] = _Kept(self._finding(event, field, hit, file))

    def _finding(self, event: Exchange | Chunk, field: Field, hit: Hit, file: str) -> Finding:
        seed = self._seeds[hit.seed]
        certainty, reason = judge.judge(hit)
        evidence = (
            Evidence(hit.before, hit.marked, hit.after) if len(self._kept) < self._settings.evidence else Evidence()
        )
        return Finding(
            seed=seed.id,
            seed_type=seed.type.value,
            chain=hit.chain,
            form=hit.form,
            file=file,
            record=event.record,
            host=event.peer.host,
            ip=event.peer.ip,
            port=event.peer.port,
            protocol=event.protocol,
            place=field.place,
            name=field.name,
            path=hit.key,
            direction=field.direction,
            phase=self._phase(event),
            certainty=certainty,
            reason=reason,
            encrypted_on_wire=event.encrypted,
            time=event.time,
            method=event.method if isinstance(event, Exchange) else "",
            url=_address(event),
            owner=self._owner(event.peer.host),
            detail=hit.detail,
            evidence=evidence,
        )

    def _not_seen(self, event: Exchange | Chunk | NotSeen, reason: str, sent: int, received: int) -> None:
        peer: Peer = event.peer
        phase = self._phase(event)
        key: tuple[object, ...] = (peer, event.protocol, reason, phase)
        entry = self._opaque.get(key)
        if entry is None:
            if len(self._opaque) >= self._settings.not_seen:
                key = ("",)
                peer, reason, phase = Peer("many other hosts"), "more than the report can list", ""
                entry = self._opaque.get(key)
            if entry is None:
                file = self._files[-1] if self._files else ""
                first = Unseen(
                    peer.host, peer.ip, peer.port, event.protocol, reason, phase, 0, 0, 0, file, event.record
                )
                entry = self._opaque[key] = _Opaque(first)
        entry.sent += sent
        entry.received += received
        entry.times += 1

    def report(self, *, partial: bool = False) -> Report:
        """The result so far; may be asked again after more events. `partial`: the run was stopped."""
        everything = [
            replace(kept.finding, count=kept.count) if kept.count > 1 else kept.finding for kept in self._kept.values()
        ]
        false_ids = {seed.id for seed in self._seeds if seed.decoy}
        decoys = tuple(one for one in everything if one.seed in false_ids and one.certainty > Certainty.HINT)
        findings = judge.doubted((one for one in everything if one.seed not in false_ids), decoys)
        return Report(
            files=tuple(dict.fromkeys(self._files)),
            seeds=tuple(SeedInfo(seed.id, seed.type.value) for seed in self._seeds if not seed.decoy),
            phases=tuple(dict.fromkeys((*self._phases.names, *self._met_phases))),
            findings=findings,
            not_seen_into=tuple(
                replace(one.first, sent=one.sent, received=one.received, times=one.times)
                for one in self._opaque.values()
            ),
            decoys=Decoys(len(false_ids), decoys),
            stats=Stats(self._bytes, self._monotonic() - self._started, self._exchanges, self._beyond),
            partial=partial or self._partial,
            notes=tuple(self._notes),
        )


def _both(direction: Direction, size: int) -> tuple[int, int]:
    return (size, 0) if direction is Direction.SENT else (0, size)


def _still_coded(field: Field) -> bool:
    """Whether a content coding is still on the bytes: readers often have removed it and kept the header."""
    return bool(field.coding) and not is_media(field.data)


def _address(event: Exchange | Chunk) -> str:
    if not isinstance(event, Exchange):
        return ""
    for field in event.fields:
        if field.place is Place.URL:
            bare = field.data.partition(b"?")[0].partition(b"#")[0][:300]
            return bare.decode("ascii", "backslashreplace")
    return ""
