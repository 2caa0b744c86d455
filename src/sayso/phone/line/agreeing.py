"""A consent that takes the place of the one before; number, device and keys stay, and no code is sent (design.md §5.1).

A policy that changed: the old consent does not cover the new text. The owner is asked anew, and the line stays silent
until the answer is yes. Who may find the line: part of what was agreed to, so that another answer is another consent.

Either makes a record of its own, durable before the first contact; its own gate carries it to the server, and the
server's receipt puts it in force.
"""

import json
from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

from sayso.consent.errors import ConsentError
from sayso.consent.receipts import read_receipt
from sayso.consent.records import VerifiedConsent, read_record, sign_record
from sayso.phone.adapters.store.lines import Consent
from sayso.phone.core.lines import Device, LineEvent, LineState, move
from sayso.phone.errors import CommandError
from sayso.phone.line.enrolment import timestamp
from sayso.phone.line.statements import check_policy, with_statement
from sayso.phone.line.world import Reach, World
from sayso.protocol.api import CONSENT_PATH, AgreeAnew, AgreedAnew
from sayso.protocol.ids import DeviceId, KeyDigest, same
from sayso.protocol.statement import read_statement

_ASKED: Final = frozenset({LineState.POLICY_CHANGED})
_IN_FORCE: Final = frozenset({LineState.ON, LineState.PAUSED})


class Agreeing:
    """Asks one line's owner anew, and takes another answer."""

    def __init__(self, world: World, line: bytes) -> None:
        self._world = world
        self._line = line

    def ask(self, sentence: str) -> None:
        """Take the line off the cloud until its owner has agreed; `sentence` says why. Durable when this returns."""
        line = self._world.store.lines.get(self._line)
        if line.state not in {LineState.ON, LineState.PAUSED}:
            return  # its owner opted out in the same moment
        state = move(line.state, LineEvent.POLICY_CHANGED)
        with self._world.store.transaction("policy-changed"):
            self._world.store.lines.put(replace(line, state=state, trouble=sentence))
        self._world.news.line_changed(self._line)

    async def agree(self, *, policy_sha256: bytes, method: str) -> None:
        """Take the owner's yes to the policy that this phone shows, tell the server, and put the line back on.

        Args:
            policy_sha256: of the text that the owner was shown, 32 bytes.
            method: how the yes was given, for the record.

        Raises:
            CommandError: nothing has to be agreed to, or the owner was shown another text than the server has.
            ConsentError: the server's receipt is not for this consent.
            StatementError: not the server that was agreed to.
            ServerSideError: refused, or no answer; the line stays as it is.
        """
        line = self._world.store.lines.get(self._line)
        if line.state is not LineState.POLICY_CHANGED:
            raise CommandError(
                "nothing has to be agreed to anew on this line; `sayso phone status` shows how it stands"
            )
        if not same(policy_sha256, self._world.policy.sha256):
            raise CommandError("the text you read is of another version of Sayso than the phone that runs: restart it")
        await self._replace(self._device(), method, expected=_ASKED)

    async def choose_findable(self, findable: str, *, method: str) -> None:
        """Take the owner's word on who may find the line, and tell the server; the line goes on meanwhile.

        Args:
            findable: `everyone` or `nobody`.
            method: how the word was given, for the record.

        Raises:
            CommandError: the line is not on, or it is so already.
            ConsentError: the server's receipt is not for this consent.
            StatementError: not the server that was agreed to, or its policy has changed meanwhile.
            ServerSideError: refused, or no answer; this phone goes on with the consent before.
        """
        line = self._world.store.lines.get(self._line)
        if line.state is not LineState.ON:
            raise CommandError("cloud messaging is not on for this line: who may find it is asked when you turn it on")
        device = self._device()
        if device.findable == findable:
            raise CommandError("it is so already: nothing was changed")
        await self._replace(device, method, findable=findable, expected=_IN_FORCE)

    async def _replace(
        self, device: Device, method: str, *, expected: frozenset[LineState], findable: str | None = None
    ) -> None:
        consent, signed = self._give(device, method, findable)
        reach = self._world.open_reach(
            consent,
            device=DeviceId(device.device),
            key=Ed25519PrivateKey.from_private_bytes(device.seed),
            journal=self._world.store.journal(self._line),
        )
        try:
            await self._tell(reach, device, consent, signed, expected)
        finally:
            reach.gate.shut()
            await reach.control.close()

    def _give(self, device: Device, method: str, findable: str | None) -> tuple[VerifiedConsent, dict[str, object]]:
        """Make the record, durable before the first contact."""
        before = self._world.store.lines.consent(device.record_id)
        if before is None:
            raise LookupError("a device has a consent")
        now = self._world.clock.wall()
        agreed = read_record(json.loads(before.record)).record
        record = structs.replace(
            agreed,
            record_id=self._world.random.token_bytes(16),
            # Who is asked about one thing has not agreed to another: a newer text is asked about by itself.
            policy=self._world.policy if findable is None else agreed.policy,
            findable=agreed.findable if findable is None else findable,
            timestamp=timestamp(now),
            method=method,
        )
        document = sign_record(record, Ed25519PrivateKey.from_private_bytes(device.seed))
        with self._world.store.transaction("consent-given"):
            self._world.store.lines.put_consent(
                Consent(record_id=record.record_id, line=self._line, given_at=now, record=json.dumps(document))
            )
        return read_record(document), document

    async def _tell(
        self,
        reach: Reach,
        device: Device,
        consent: VerifiedConsent,
        signed: dict[str, object],
        expected: frozenset[LineState],
    ) -> None:
        document = await reach.control.statement()
        statement, digest = read_statement(document, pinned=KeyDigest(device.server_key))
        check_policy(statement.policy, agreed=consent.record.policy, shown=self._world.policy)
        answer = await reach.control.call(CONSENT_PATH, AgreeAnew(signed), AgreedAnew)
        receipt = read_receipt(answer.receipt, receipt_key=statement.receipt_key, other_key=statement.other_receipt_key)
        about = (receipt.event, receipt.record_id, receipt.record_sha256, receipt.device, receipt.policy_sha256)
        record = consent.record
        if about != ("given", record.record_id, consent.digest, record.device, record.policy.sha256):
            raise ConsentError("the server's receipt is for another consent than the one given")
        line = self._world.store.lines.get(self._line)
        if line.state not in expected:
            raise CommandError("this line was opted out meanwhile")
        with self._world.store.transaction("agreed"):
            self._world.store.lines.note_receipt(record.record_id, answer.receipt, statement=document)
            agreed = replace(self._device(), record_id=record.record_id, findable=record.findable)
            self._world.store.lines.put_device(with_statement(agreed, document, digest, at=self._world.clock.wall()))
            if line.state is LineState.POLICY_CHANGED:
                self._world.store.lines.put(replace(line, state=move(line.state, LineEvent.AGREED), trouble=None))
        self._world.news.line_changed(self._line)

    def _device(self) -> Device:
        device = self._world.store.lines.device(self._line)
        if device is None:
            raise LookupError("this line has no device")
        return device
