"""A device's own keys, grant, certificate and statement: made durable first, published after."""

from dataclasses import replace
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.phone.core.keys_upkeep import OwnEnvelopeKey, Upkeep, due, elapsed
from sayso.phone.core.lines import Device
from sayso.phone.core.statements import Judgement, judge, worth_asking
from sayso.phone.core.texts import Word
from sayso.phone.errors import ServerSideError
from sayso.phone.line.certificates import check_own_certificate
from sayso.phone.line.claims import system_word
from sayso.phone.line.epochs import EpochMove
from sayso.phone.line.statements import fetch_statement, shown_to_us
from sayso.phone.line.world import Reach, World
from sayso.protocol.api import (
    CERTIFICATE_PATH,
    GRANT_PATH,
    KEYS_PATH,
    Empty,
    KeysLeft,
    PublishKeys,
    Renewed,
    SetGrant,
)
from sayso.protocol.errors import CertificateError, StatementError
from sayso.protocol.ids import DeviceId, KeyDigest, grant_hash
from sayso.protocol.keys import EnvelopeKey, RatchetKey, sign_envelope_key, sign_ratchet_key
from sayso.protocol.limits import DAY, LIMITS, MINUTE
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.signing import Purpose
from sayso.protocol.xwing import PRIVATE_BYTES, SealPrivateKey

_SEEN_ENVELOPES_S: Final = LIMITS.enrolment_expiry_s
_SEEN_SMS_S: Final = 60 * DAY
STATEMENT_S: Final = 5 * MINUTE
"""How old the statement may be when a stream is opened: as long as the server lets caches keep it."""


class KeyUpkeep:
    """Looks after one line's device."""

    def __init__(self, world: World, line: bytes, reach: Reach) -> None:
        self._world = world
        self._line = line
        self._reach = reach
        self._epochs = EpochMove(world, line, reach)

    async def look_after(self, *, one_time_left: int) -> int:
        """Do what is due.

        Args:
            one_time_left: one-time keys that the server has.

        Returns:
            How many it has now.

        Raises:
            PolicyChangedError: the server has another policy than the one agreed to.
            ServerSideError: refused, or no answer; what was made is kept, and published next time.
        """
        plan = self._plan(one_time_left)
        self._destroy(plan)
        odd = self._odd_to_ask_about()
        trouble = None
        if plan.certificate or odd:
            trouble = await self._renew_statement(older_than_s=0 if odd else LIMITS.lease_renew_s)
        later: ServerSideError | None = None
        try:
            trouble = trouble or await self._epochs.move_if_due()
        except ServerSideError as error:
            later = error  # there are fourteen days for it; keys run out sooner
        if plan.certificate:
            trouble = trouble or await self._renew_certificate()
        if plan.certificate or trouble is not None:
            self._say(trouble)
        left = await self.publish(one_time_left=one_time_left)
        await self.tell_grant()
        if later is not None:
            raise later
        return left

    async def check_policy(self, *, anew: bool = False) -> None:
        """See, before a stream is opened, that the server still has the policy that was agreed to.

        Args:
            anew: the server was stopped since: its statement may be another one now, however young the one held is.

        Raises:
            PolicyChangedError: it has another one.
            ServerSideError: no answer.
        """
        trouble = await self._renew_statement(older_than_s=0 if anew else STATEMENT_S)
        if trouble is not None:
            self._say(trouble)

    async def publish(self, *, one_time_left: int) -> int:
        """Make the keys that are due and publish them; returns how many one-time keys the server has now."""
        one_time, fallback, envelope = self._make(self._plan(one_time_left))
        if not one_time and fallback is None and envelope is None:
            return one_time_left
        body = PublishKeys(one_time=one_time, fallback=fallback, envelope=envelope)
        answer = await self._reach.control.call(KEYS_PATH, body, KeysLeft)
        with self._world.store.transaction("keys-published"):
            self._world.store.lines.put_device(replace(self._device(), fallback=b""))
            for own in self._world.store.lines.envelope_keys(self._line):
                if envelope is not None and own.key_id == envelope.id:
                    self._world.store.lines.put_envelope_key(replace(own, published=True))
        return answer.one_time_keys

    async def tell_grant(self) -> None:
        """Give the server the hash of the grant, if it does not have it."""
        device = self._device()
        if device.grant_set:
            return
        await self._reach.control.call(GRANT_PATH, SetGrant(grant_hash(device.grant)), Empty)
        with self._world.store.transaction("grant-set"):
            now = self._device()  # a grant that was changed meanwhile, by a block, is still to be told
            self._world.store.lines.put_device(replace(now, grant_set=now.grant == device.grant))

    def _plan(self, one_time_left: int) -> Upkeep:
        device = self._device()
        return due(
            now=self._world.clock.wall(),
            one_time_left=one_time_left,
            fallback_at=device.fallback_at,
            certificate_at=device.certificate_at,
            envelope_keys=self._world.store.lines.envelope_keys(self._line),
        )

    def _destroy(self, plan: Upkeep) -> None:
        """Destroy old keys, and forget what cannot come again; nothing is written where nothing is due."""
        if not plan.destroy and not plan.certificate:
            return
        now = self._world.clock.wall()
        with self._world.store.transaction("old-keys-destroyed"):
            for key_id in plan.destroy:
                self._world.store.lines.destroy_envelope_key(self._line, key_id)
            self._world.store.seen.forget_before(self._line, envelopes=now - _SEEN_ENVELOPES_S, sms=now - _SEEN_SMS_S)

    def _make(self, plan: Upkeep) -> tuple[list[RatchetKey], RatchetKey | None, EnvelopeKey | None]:
        """Make what is due, durably, and return it with what a lost answer left unpublished."""
        device = self._device()
        key, server, device_id = _signing(device)
        if plan.one_time_keys or plan.fallback or plan.envelope_key:
            account = self._world.ratchet.load_account(device.account)
            pairs = account.new_one_time_keys(plan.one_time_keys) if plan.one_time_keys else []
            changed = device
            if plan.fallback:
                key_id, public = account.new_fallback_key()
                made = sign_ratchet_key(
                    key, Purpose.FALLBACK_KEY, device=device_id, server=server, key_id=key_id, public=public
                )
                changed = replace(changed, fallback=msgspec.json.encode(made), fallback_at=self._world.clock.wall())
            changed = replace(changed, account=account.dump())
            with self._world.store.transaction("keys-made"):
                if plan.envelope_key:
                    changed = self._make_envelope_key(changed)
                self._world.store.lines.put_device(changed)
            device = changed
        else:
            pairs = []
        one_time = [
            sign_ratchet_key(key, Purpose.ONE_TIME_KEY, device=device_id, server=server, key_id=key_id, public=public)
            for key_id, public in pairs
        ]
        fallback = msgspec.json.decode(device.fallback, type=RatchetKey) if device.fallback else None
        return one_time, fallback, self._unpublished_envelope_key(device)

    def _make_envelope_key(self, device: Device) -> Device:
        own = OwnEnvelopeKey(
            line=self._line,
            key_id=device.next_envelope_key,
            created=int(self._world.clock.wall()),
            private=self._world.random.token_bytes(PRIVATE_BYTES),
        )
        self._world.store.lines.put_envelope_key(own)
        return replace(device, next_envelope_key=device.next_envelope_key + 1)

    def _unpublished_envelope_key(self, device: Device) -> EnvelopeKey | None:
        newest = next(iter(self._world.store.lines.envelope_keys(self._line)), None)
        if newest is None or newest.published:
            return None
        key, server, device_id = _signing(device)
        return sign_envelope_key(
            key,
            device=device_id,
            server=server,
            key_id=newest.key_id,
            created=newest.created,
            public=SealPrivateKey(newest.private).public_bytes(),
        )

    async def _renew_statement(self, *, older_than_s: float = LIMITS.lease_renew_s) -> str | None:
        """Fetch the statement anew; returns what stands in the way of a new one, for the owner."""
        device = self._device()
        age = elapsed(device.statement_at, self._world.clock.wall())
        if age < older_than_s:
            return None
        try:
            fetched = await fetch_statement(self._world, self._reach, device)
        except StatementError as error:
            return str(error)
        if fetched.statement == device.statement and age < LIMITS.lease_renew_s:
            self._judge_odd(fetched)
            return None
        with self._world.store.transaction("statement"):
            self._world.store.lines.put_device(
                replace(
                    self._device(),
                    statement=fetched.statement,
                    statement_at=fetched.statement_at,
                    statement_since=fetched.statement_since,
                    statements_shown=fetched.statements_shown,
                )
            )
        self._judge_odd(fetched)
        return None

    def _odd_to_ask_about(self) -> bool:
        """Whether a peer's statement has to be asked about."""
        now = self._world.clock.wall()
        return any(worth_asking(odd, now=now) for odd in self._world.store.odd.of_line(self._line))

    def _judge_odd(self, asked: Device) -> None:
        """Judge what peers were shown, with a statement that was fetched just now; warn the owner."""
        store, now = self._world.store, self._world.clock.wall()
        judged = [
            (odd, judge(odd, shown=shown_to_us(asked), since=asked.statement_since, asked_at=now))
            for odd in store.odd.of_line(self._line)
        ]
        words = []
        for odd, judgement in judged:
            if judgement is Judgement.OPEN:
                continue
            with store.transaction("statement-judged"):
                store.odd.drop(self._line, odd.number)
                if judgement is Judgement.TWO_FACES:
                    store.peers.put(replace(store.peers.get(self._line, odd.number), odd_statement=odd.digest))
                    word = system_word(self._world, self._line, odd.number, Word.OTHER_STATEMENT)
                    words.append(store.texts.add(word))
        for word in words:
            self._world.news.text_changed(word)

    async def _renew_certificate(self) -> str | None:
        """Get a fresh certificate; returns what is wrong with it, for the owner."""
        answer = await self._reach.control.call(CERTIFICATE_PATH, Empty(), Renewed)
        line = self._world.store.lines.get(self._line)
        device = self._device()
        try:
            check_own_certificate(answer.certificate, device, PhoneNumber(line.number or ""))
        except CertificateError as error:
            return str(error)
        with self._world.store.transaction("certificate"):
            self._world.store.lines.put_device(
                replace(self._device(), certificate=answer.certificate, certificate_at=self._world.clock.wall())
            )
        return None

    def _say(self, sentence: str | None) -> None:
        """Show the owner what stands in the way, or that nothing does any more."""
        line = self._world.store.lines.get(self._line)
        if line.trouble == sentence:
            return
        with self._world.store.transaction("trouble"):
            self._world.store.lines.put(replace(line, trouble=sentence))
        self._world.news.line_changed(self._line)

    def _device(self) -> Device:
        device = self._world.store.lines.device(self._line)
        if device is None:
            raise LookupError("this line has no device")
        return device


def _signing(device: Device) -> tuple[Ed25519PrivateKey, KeyDigest, DeviceId]:
    return (
        Ed25519PrivateKey.from_private_bytes(device.seed),
        KeyDigest(device.server_key),
        DeviceId(device.device),
    )
