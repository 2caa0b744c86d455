"""Leaving: withdrawal, expiry, and finishing erasures that were interrupted (design.md §5.6, docs/adr/0005)."""

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from sayso.consent.errors import ConsentError
from sayso.consent.receipts import Receipt
from sayso.consent.records import Withdrawal, canonical, read_withdrawal
from sayso.protocol import api
from sayso.protocol.api import ProblemType
from sayso.protocol.ids import DeviceId
from sayso.protocol.limits import MINUTE
from sayso.server.core.directory import Departed, Enrolment, Erasure
from sayso.server.directory_port import ErasureStore, LineStore
from sayso.server.errors import Refused
from sayso.server.ports import RelayControl
from sayso.server.services.identity import ServerIdentity

_LOG: Final = structlog.get_logger()

ANSWER_KEPT_S: Final = 10 * MINUTE
OUTLIVES: Final = (
    "This answer and the device's public key, to be able to answer again: 10 minutes.",
    "Answers to the device's last key claims, sealed under request ids that only the device knows: 10 minutes.",
    "What became of messages, under random secrets of their senders: 14 days.",
    "How many numbers were asked for, under a keyed hash of the line: until all may be asked again, 30 days at most.",
    "How many codes were sent, under keyed hashes of number, block and country: hours as a rule, 30 days at most.",
    "The line's place in the last published builds of the enrolled set and the changes between them: 8 days.",
)
"""What a receipt of withdrawal says is still held."""


class Erasures:
    """Finishes erasures: the directory's part is done and durable, the mailbox's is next."""

    def __init__(
        self, *, store: ErasureStore, lines: LineStore, relay: RelayControl, running: Callable[[], float]
    ) -> None:
        """Wire it."""
        self._store = store
        self._lines = lines
        self._relay = relay
        self._running = running

    async def finish(self, erasure: Erasure) -> None:
        """End a device's custody, then forget that it was to be done. Any number of times."""
        await self._relay.end_custody(erasure.device, erasure.state)
        await self._store.finished(erasure)

    async def finish_all(self, device: DeviceId | None = None) -> int:
        """Finish what was interrupted: of one device, or all of it. Returns how many."""
        erasures = await self._store.erasures(device)
        for erasure in erasures:
            await self.finish(erasure)
        if erasures:
            # A device that enrolled anew was interrupted between its old mailbox's end and its new line's beginning.
            devices = [erasure.device for erasure in erasures]
            for line in await self._lines.load_lines(now=self._running(), devices=devices):
                self._relay.line_changed(line)
        return len(erasures)


class Withdrawals:
    """Opt-out."""

    def __init__(
        self,
        *,
        identity: ServerIdentity,
        store: ErasureStore,
        lines: LineStore,
        erasures: Erasures,
        running: Callable[[], float],
    ) -> None:
        """Wire it."""
        self._identity = identity
        self._store = store
        self._lines = lines
        self._erasures = erasures
        self._running = running

    async def withdraw(self, body: api.WithdrawConsent, *, device: DeviceId, ed25519: bytes) -> bytes:
        """Erase everything of a device and sign that it was done; the same withdrawal gets the same answer again.

        Args:
            body: signed by the device.
            device: who signed the request.
            ed25519: its key.

        Returns:
            `protocol.api.Withdrawn`, JSON.

        Raises:
            Refused: not a withdrawal of this device from this server, or the device is not enrolled.
        """
        withdrawal = self._read(body, device, ed25519)
        digest = hashlib.sha256(canonical(withdrawal)).digest()
        enrolment = await self._lines.enrolment(device)
        if enrolment is not None and enrolment.keys.ed25519 == ed25519:
            departed = self._departed(enrolment, withdrawal, digest)
            erasure = await self._store.withdraw(departed)
            if erasure is not None:
                await self._erasures.finish(erasure)
                _LOG.info("withdrawn")
                return departed.receipt
        earlier = await self._store.departed(device, now=self._running())
        if earlier is None or earlier.withdrawal_sha256 != digest or earlier.ed25519 != ed25519:
            raise Refused(ProblemType.NOT_ENROLLED, "This device is not enrolled.")
        # The first one may have been interrupted between the two files: nobody hears `erased` before it is.
        await self._erasures.finish_all(device)
        return earlier.receipt

    def _read(self, body: api.WithdrawConsent, device: DeviceId, ed25519: bytes) -> Withdrawal:
        try:
            withdrawal = read_withdrawal(body.withdrawal, device_key=ed25519)
        except ConsentError as error:
            raise Refused(ProblemType.MALFORMED, "The withdrawal is malformed or not signed by the device.") from error
        if withdrawal.device != device or withdrawal.server_key != self._identity.digest:
            raise Refused(ProblemType.MALFORMED, "The withdrawal is of another device or for another server.")
        return withdrawal

    def _departed(self, enrolment: Enrolment, withdrawal: Withdrawal, digest: bytes) -> Departed:
        receipt = Receipt(
            event="withdrawn",
            record_id=withdrawal.record_id,
            record_sha256=digest,
            server_key=self._identity.digest,
            device=withdrawal.device,
            policy_sha256=enrolment.policy_sha256,
            on=self._identity.today(),
            outlives=OUTLIVES,
        )
        return Departed(
            device=enrolment.device,
            ed25519=enrolment.keys.ed25519,
            withdrawal_sha256=digest,
            receipt=msgspec.json.encode(api.Withdrawn(self._identity.sign_receipt(receipt))),
            until=self._running() + ANSWER_KEPT_S,
        )
