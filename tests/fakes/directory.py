"""A `DirectoryStore` in memory; it passes the suite that the SQL one passes (tests/contract/directory_store.py)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from sayso.protocol.api import Claim, Claimed, ClaimedLine, ClaimLine, DeviceBundle, ProblemType, PublishKeys
from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnrolmentId, GrantHash, Token, grant_hash
from sayso.protocol.keys import EnvelopeKey, RatchetKey
from sayso.protocol.limits import LIMITS
from sayso.server.core.claim_answer import KEPT_S
from sayso.server.core.claim_budget import ClaimBudget, spend
from sayso.server.core.directory import AgreedConsent, Counts, Departed, Enrolment, Erasure, HeldKeys, Pending
from sayso.server.core.held_keys import PREVIOUS_ENVELOPE_KEY_S, accept_one_time_keys, previous_is_served
from sayso.server.core.lease import lapse_of_expired, lapsed
from sayso.server.core.lines import Line
from sayso.server.core.lock import Newcomer, arrive, delayed, may_come_in, over
from sayso.server.core.pin import HeldPin, pin_fits
from sayso.server.directory_port import ClaimOutcome, Confirmed, EndedEpochs, Locked
from sayso.server.errors import Refused


@dataclass
class _Row:
    """One enrolled device."""

    enrolment: Enrolment
    one_time: dict[int, RatchetKey] = field(default_factory=dict)
    highest: int = -1
    fallback: RatchetKey | None = None
    envelope: EnvelopeKey | None = None
    previous: tuple[EnvelopeKey, float] | None = None
    budget: ClaimBudget | None = None
    pin: "_Pin | None" = None
    fresh_salt: bytes | None = None
    newcomer: Newcomer | None = None


@dataclass
class _Pin:
    """A PIN and its tries."""

    salt: bytes
    verifier: bytes
    left: int = LIMITS.pin_tries
    open: int = 0
    own_left: int = LIMITS.pin_tries
    own_open: int = 0


class MemoryDirectory:
    """The directory, gone when the process ends. One event loop, no await inside: each method is one transaction."""

    def __init__(self) -> None:
        self._pending: dict[EnrolmentId, Pending] = {}
        self._rows: dict[DeviceId, _Row] = {}
        self._answers: dict[tuple[DeviceId, bytes], tuple[Claim, bytes, float]] = {}
        self._departed: dict[DeviceId, Departed] = {}
        self._erasures: dict[DeviceId, Erasure] = {}

    async def add_pending(self, pending: Pending, *, now: float, at_most: int) -> bool:
        same_line = [one for one in self._pending.values() if _meet(one, pending) and one.expires > now]
        if pending.id in self._pending or len(same_line) >= at_most:
            return False
        if self._is_anothers(pending.keys.device, pending.keys.ed25519):
            return False
        self._pending[pending.id] = pending
        return True

    async def pending(self, enrolment: EnrolmentId, *, now: float) -> Pending | None:
        pending = self._pending.get(enrolment)
        return pending if pending is not None and pending.expires > now else None

    async def take_try(self, enrolment: EnrolmentId, *, now: float) -> Pending | None:
        pending = await self.pending(enrolment, now=now)
        if pending is None or pending.tries_left < 1:
            return None
        self._pending[enrolment] = replace(pending, tries_left=pending.tries_left - 1)
        return self._pending[enrolment]

    async def confirm(
        self, pending: Pending, enrolment: Enrolment, *, result: bytes, now: float, pin: bytes | None = None
    ) -> Confirmed | Locked | None:
        held = await self.pending(pending.id, now=now)
        if held is None or self._is_anothers(enrolment.device, enrolment.keys.ed25519):
            return None
        replaced: list[Erasure] = []
        kept: _Pin | None = None
        if held.result is None:
            holder = self._holder(held)
            own = self._rows.get(enrolment.device)
            if holder is None:
                kept = own.pin if own is not None and _meet(own.enrolment, enrolment) else None
            elif pin is not None and holder.pin is not None and _proves(holder.pin, pin):
                kept = holder.pin
            elif not may_come_in(self._newcomer(holder, now), enrolment.device, enrolment.keys.ed25519, now=now):
                return self._locked(holder, held, wrong_pin=pin is not None, now=now)
            for device, row in list(self._rows.items()):
                if _meet(row.enrolment, held) or device == enrolment.device:
                    replaced.append(self._end(device))
            self._rows[enrolment.device] = _Row(enrolment, pin=kept and _Pin(kept.salt, kept.verifier))
        self._pending[pending.id] = replace(held, result=held.result or result, tries_left=LIMITS.code_tries)
        row_now = self._rows.get(enrolment.device)
        if row_now is None or pending.token not in row_now.enrolment.tokens:
            return None
        stored = self._pending[pending.id].result
        assert stored is not None
        return Confirmed(result=stored, line=self._line(enrolment.device, now), replaced=tuple(replaced))

    async def publish(self, device: DeviceId, keys_: PublishKeys, *, now: float) -> Line | None:
        row = self._rows.get(device)
        if row is None:
            return None
        for key in accept_one_time_keys(keys_.one_time, highest=row.highest, held=len(row.one_time)):
            row.one_time[key.id] = key
            row.highest = key.id
        row.fallback = keys_.fallback or row.fallback
        held = {key.id for key in (row.envelope, row.previous and row.previous[0]) if key}
        if keys_.envelope is not None and keys_.envelope.id not in held:
            row.previous = None if row.envelope is None else (row.envelope, now)
            row.envelope = keys_.envelope
        return self._line(device, now)

    async def claim(self, device: DeviceId, claim: Claim, *, now: float, per_day: int) -> ClaimOutcome:
        stored = self._answers.get((device, claim.request_id))
        if stored is not None and stored[2] > now:
            if stored[0] != claim:
                raise Refused(ProblemType.MALFORMED, "This request id was used for other lines; draw a new one.")
            return ClaimOutcome(answer=stored[1], changed=())
        if device not in self._rows:
            raise Refused(ProblemType.NOT_ENROLLED, "This device is not enrolled.")
        claimer = self._rows[device]
        claimer.budget = spend(claimer.budget, len(claim.lines), now=now, per_day=per_day)
        answered = [ClaimedLine(line.token, self._bundles(line, now)) for line in claim.lines]
        answer = msgspec.json.encode(Claimed(answered))
        self._answers[device, claim.request_id] = (claim, answer, now + KEPT_S)
        given = [DeviceId(bundle.keys.device) for line in answered for bundle in line.devices]
        return ClaimOutcome(answer=answer, changed=tuple(self._line(one, now) for one in given))

    async def held_keys(self, device: DeviceId) -> HeldKeys:
        row = self._rows.get(device)
        if row is None:
            return HeldKeys(one_time_keys=0, fallback_key=False, envelope_keys=())
        envelope = [key.id for key in (row.envelope, row.previous and row.previous[0]) if key]
        return HeldKeys(
            one_time_keys=len(row.one_time),
            fallback_key=row.fallback is not None,
            envelope_keys=tuple(envelope),
            highest_key=row.highest,
            claims=row.budget,
        )

    async def load_lines(self, *, now: float, devices: Collection[DeviceId] | None = None) -> list[Line]:
        return [self._line(device, now) for device in self._rows if devices is None or device in devices]

    async def enrolment(self, device: DeviceId) -> Enrolment | None:
        row = self._rows.get(device)
        return None if row is None else row.enrolment

    async def codes_asked(self, device: DeviceId, *, now: float) -> int:
        return sum(one.keys.device == device and one.expires > now for one in self._pending.values())

    async def set_grant(self, device: DeviceId, grant_hash: GrantHash, *, now: float) -> Line | None:
        row = self._rows.get(device)
        if row is None:
            return None
        row.enrolment = replace(row.enrolment, grant_hash=grant_hash)
        return self._line(device, now)

    async def set_consent(self, device: DeviceId, agreed: AgreedConsent, *, now: float) -> Line | None:
        row = self._rows.get(device)
        if row is None:
            return None
        row.enrolment = replace(
            row.enrolment,
            findable=agreed.findable,
            receipt_sha256=agreed.receipt_sha256,
            policy_sha256=agreed.policy_sha256,
        )
        return self._line(device, now)

    async def renew_leases(self, leases: Mapping[DeviceId, float], *, now: float) -> list[Line]:
        known = [device for device in leases if device in self._rows]
        for device in known:
            row = self._rows[device]
            row.enrolment = replace(row.enrolment, lease_ends=max(row.enrolment.lease_ends, leases[device]))
        return [self._line(device, now) for device in known]

    async def pin(self, device: DeviceId) -> HeldPin | None:
        row = self._rows.get(device)
        if row is None or row.pin is None:
            return None
        return HeldPin(
            salt=row.pin.salt, verifier=row.pin.verifier, tries_left=row.pin.left, own_tries_left=row.pin.own_left
        )

    async def try_pin(self, pending: Pending, *, now: float) -> bytes | None:
        self._pending[pending.id] = replace(self._pending[pending.id], tries_left=LIMITS.code_tries)
        holder = self._holder(pending)
        if holder is None or self._newcomer(holder, now) is None or holder.pin is None or holder.pin.left < 1:
            return None
        holder.pin.left -= 1
        holder.pin.open += 1
        return holder.pin.salt

    async def try_own_pin(self, device: DeviceId) -> bytes | None:
        row = self._rows.get(device)
        if row is None or row.pin is None or row.pin.own_left < 1:
            return None
        row.pin.own_left -= 1
        row.pin.own_open += 1
        return row.pin.salt

    async def begin_pin(self, device: DeviceId, salt: bytes, *, now: float) -> bool:
        row = self._rows[device]
        if self._newcomer(row, now) is not None:
            return False
        row.fresh_salt = salt
        return True

    async def set_pin(self, device: DeviceId, verifier: bytes | None, *, now: float) -> bool:
        row = self._rows[device]
        if self._newcomer(row, now) is not None or (verifier is not None and row.fresh_salt is None):
            return False
        row.pin = None if verifier is None or row.fresh_salt is None else _Pin(row.fresh_salt, verifier)
        row.fresh_salt = None
        return True

    async def newcomer(self, holder: DeviceId, *, now: float) -> Newcomer | None:
        row = self._rows.get(holder)
        return None if row is None else self._newcomer(row, now)

    async def newcomer_key(self, device: DeviceId) -> bytes | None:
        waiting = (row.newcomer for row in self._rows.values())
        return next((one.ed25519 for one in waiting if one is not None and one.device == device), None)

    async def refuse(self, pending: Pending, *, now: float) -> Line | None:
        held = await self.pending(pending.id, now=now)
        row = self._rows.get(DeviceId(pending.keys.device))
        if held is None or held.result is not None or row is None or not _meet(row.enrolment, pending):
            return None
        if row.enrolment.keys.ed25519 != pending.keys.ed25519:
            return None
        del self._pending[pending.id]
        row.newcomer = None
        return self._line(row.enrolment.device, now)

    async def delay(self, device: DeviceId, proof: bytes, *, now: float) -> Line | None:
        row = self._rows[device]
        if row.pin is None or row.pin.own_open < 1:
            return None
        row.pin.own_open -= 1
        if not pin_fits(proof, row.pin.verifier):
            return None
        row.pin.own_left, row.pin.own_open = LIMITS.pin_tries, 0
        newcomer = self._newcomer(row, now)
        row.newcomer = None if newcomer is None else delayed(newcomer)
        return self._line(device, now)

    async def cancel(self, device: DeviceId, ed25519: bytes, *, now: float) -> list[Line]:
        self._drop(
            one.id for one in list(self._pending.values()) if (one.keys.device, one.keys.ed25519) == (device, ed25519)
        )
        lines = []
        for holder, row in self._rows.items():
            if row.newcomer is not None and (row.newcomer.device, row.newcomer.ed25519) == (device, ed25519):
                row.newcomer = None
                lines.append(self._line(holder, now))
        return lines

    async def move(self, device: DeviceId, old: Token, fresh: Token, *, now: float) -> Line | None:
        row = self._rows.get(device)
        if row is None or row.enrolment.token != old:
            return None
        row.enrolment = replace(row.enrolment, token=fresh, previous_token=old)
        return self._line(device, now)

    async def end_epochs(self, live: Collection[int], *, now: float) -> EndedEpochs:
        ended = [device for device, row in self._rows.items() if row.enrolment.token[0] not in live]
        erasures = tuple(self._end(device) for device in ended)
        changed = False
        for row in self._rows.values():
            previous = row.enrolment.previous_token
            if previous is not None and previous[0] not in live:
                row.enrolment = replace(row.enrolment, previous_token=None)
                changed = True
        self._drop(one.id for one in list(self._pending.values()) if one.token[0] not in live)
        for one in list(self._pending.values()):
            if one.other_token is not None and one.other_token[0] not in live:
                self._pending[one.id] = replace(one, other_token=None)
        lines = [self._line(device, now) for device in self._rows] if changed else []
        return EndedEpochs(erasures=erasures, changed=tuple(lines))

    async def withdraw(self, departed: Departed) -> Erasure | None:
        row = self._rows.get(departed.device)
        if row is None or row.enrolment.keys.ed25519 != departed.ed25519:
            return None
        self._drop(one.id for one in list(self._pending.values()) if one.keys.device == departed.device)
        self._departed[departed.device] = departed
        return self._end(departed.device)

    async def departed(self, device: DeviceId, *, now: float) -> Departed | None:
        departed = self._departed.get(device)
        return departed if departed is not None and departed.until > now else None

    async def erasures(self, device: DeviceId | None = None) -> list[Erasure]:
        return [erasure for erasure in self._erasures.values() if device in {None, erasure.device}]

    async def finished(self, erasure: Erasure) -> None:
        self._erasures.pop(erasure.device, None)

    async def without_consent(self, policy_sha256: bytes) -> int:
        return sum(row.enrolment.policy_sha256 != policy_sha256 for row in self._rows.values())

    async def purge(self, policy_sha256: bytes) -> list[Erasure]:
        self._drop(one.id for one in list(self._pending.values()) if one.policy_sha256 != policy_sha256)
        other = [device for device, row in self._rows.items() if row.enrolment.policy_sha256 != policy_sha256]
        return [self._end(device) for device in other]

    async def expire(self, *, now: float) -> list[Erasure]:
        over = [device for device, row in self._rows.items() if row.enrolment.lease_ends <= lapse_of_expired(now)]
        return [self._end(device) for device in over]

    async def forget(self, *, now: float) -> list[Line]:
        self._drop(one.id for one in list(self._pending.values()) if one.expires <= now)
        self._answers = {key: answer for key, answer in self._answers.items() if answer[2] > now}
        self._departed = {device: one for device, one in self._departed.items() if one.until > now}
        changed = []
        for device, row in self._rows.items():
            if row.previous is not None and row.previous[1] <= now - PREVIOUS_ENVELOPE_KEY_S:
                row.previous = None
                changed.append(self._line(device, now))
            if row.newcomer is not None and over(row.newcomer, now=now):
                row.newcomer = None
                changed.append(self._line(device, now))
        return changed

    async def counts(self, *, now: float) -> Counts:
        rows = self._rows.values()
        return Counts(
            pending=len(self._pending),
            enrolments=len(rows),
            lapsed=sum(lapsed(row.enrolment.lease_ends, now) for row in rows),
            one_time_keys=sum(len(row.one_time) for row in rows),
            erasures=len(self._erasures),
        )

    async def close(self) -> None:
        """Nothing to let go of."""

    def _drop(self, enrolments: Iterable[EnrolmentId]) -> None:
        for enrolment in enrolments:
            del self._pending[enrolment]

    def _end(self, device: DeviceId) -> Erasure:
        del self._rows[device]
        self._erasures[device] = Erasure(device=device, state=OutcomeState.GONE)
        return self._erasures[device]

    def _holder(self, pending: Pending) -> _Row | None:
        comes = (pending.keys.device, pending.keys.ed25519)
        rows = (row for row in self._rows.values() if _meet(row.enrolment, pending))
        return next((row for row in rows if (row.enrolment.device, row.enrolment.keys.ed25519) != comes), None)

    def _newcomer(self, row: _Row, now: float) -> Newcomer | None:
        return None if row.newcomer is None or over(row.newcomer, now=now) else row.newcomer

    def _locked(self, holder: _Row, pending: Pending, *, wrong_pin: bool, now: float) -> Locked:
        comes = DeviceId(pending.keys.device)
        holder.newcomer = arrive(self._newcomer(holder, now), comes, pending.keys.ed25519, now=now)
        self._pending[pending.id] = replace(self._pending[pending.id], tries_left=LIMITS.code_tries)
        return Locked(
            newcomer=holder.newcomer,
            pin_tries=0 if holder.pin is None else holder.pin.left,
            line=self._line(holder.enrolment.device, now),
            wrong_pin=wrong_pin,
        )

    def _is_anothers(self, device: bytes, ed25519: bytes) -> bool:
        row = self._rows.get(DeviceId(device))
        return row is not None and row.enrolment.keys.ed25519 != ed25519

    def _line(self, device: DeviceId, now: float) -> Line:
        row = self._rows[device]
        served = [] if row.envelope is None else [row.envelope.id]
        if row.previous is not None and previous_is_served(row.previous[1], now):
            served.append(row.previous[0].id)
        return Line(
            token=row.enrolment.token,
            device=device,
            ed25519=row.enrolment.keys.ed25519,
            grant_hash=row.enrolment.grant_hash,
            lease_ends=row.enrolment.lease_ends,
            envelope_keys=tuple(served),
            one_time_keys=len(row.one_time),
            hidden=row.enrolment.findable != "everyone",
            newcomer_until=None if row.newcomer is None else row.newcomer.until,
            previous_token=row.enrolment.previous_token,
        )

    def _bundles(self, line: ClaimLine, now: float) -> list[DeviceBundle]:
        row = next((one for one in self._rows.values() if line.token in one.enrolment.tokens), None)
        if row is None or lapsed(row.enrolment.lease_ends, now) or row.envelope is None:
            return []
        if row.enrolment.findable == "nobody" and row.enrolment.grant_hash != grant_hash(line.grant):
            return []
        one_time = row.one_time.pop(min(row.one_time)) if row.one_time else None
        ratchet = one_time or row.fallback
        if ratchet is None:
            return []
        return [DeviceBundle(row.enrolment.keys, ratchet, one_time is None, row.envelope)]


def _meet(one: Pending | Enrolment, other: Pending | Enrolment) -> bool:
    """Whether they are about the same number."""
    return bool(set(one.tokens) & set(other.tokens))


def _proves(pin: _Pin, proof: bytes) -> bool:
    if pin.open < 1:
        return False
    pin.open -= 1
    return pin_fits(proof, pin.verifier)
