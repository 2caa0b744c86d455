"""Opt-out (design.md §5.6), and an enrolment that the server or a failed step has ended."""

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.errors import ConsentError
from sayso.consent.receipts import Receipt, read_receipt
from sayso.consent.records import Withdrawal, canonical, read_withdrawal, sign_withdrawal
from sayso.phone.core.lines import Device, LineEvent, Step, move
from sayso.phone.core.outgoing import NoAnswerComes, Reason, Waits
from sayso.phone.core.texts import Text, after
from sayso.phone.errors import CacheError, ServerSideError
from sayso.phone.line.enrolment import timestamp
from sayso.phone.line.statements import current
from sayso.phone.line.waiting import Waiting
from sayso.phone.line.world import Reach, World
from sayso.protocol.api import WITHDRAW_PATH, WithdrawConsent, Withdrawn
from sayso.protocol.errors import ProtocolError

PATIENCE_S: Final = 10.0
"""The one withdrawal is given this long; the owner waits for the switch."""
NOT_CONFIRMED: Final = (
    "withdrawal not confirmed: this phone is silent, and the server forgets the line when its lease ends"
)
ENROLMENT_ENDED: Final = "enrolment ended: the server does not know this line any more; opt in again if you want to"


WAIT_OUTLIVES: Final = "that this phone waits for the number: this device's id and key, at most 44 days"
CODE_OUTLIVES: Final = "the code that was asked for, at most 10 minutes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """How leaving ended."""

    erased: bool
    """The server has signed that it erased everything."""
    outlives: tuple[str, ...] = ()
    """What the server still holds, as its receipt says."""


class Leaving:
    """Takes one line to `off`."""

    def __init__(self, world: World, line: bytes) -> None:
        self._world = world
        self._line = line

    def begin(self, event: LineEvent = LineEvent.OPT_OUT, trouble: str | None = None) -> None:
        """Write down the owner's no, or another end, before anything is said to the server.

        Args:
            event: what ends it.
            trouble: a sentence for the owner where it was not theirs; it stays when the line is off.

        Raises:
            CommandError: there is nothing to leave.
        """
        line = self._world.store.lines.get(self._line)
        state = move(line.state, event)
        device = self._device()
        withdrawal = Withdrawal(
            record_id=device.record_id,
            server_key=device.server_key,
            device=device.device,
            timestamp=timestamp(self._world.clock.wall()),
        )
        document = sign_withdrawal(withdrawal, Ed25519PrivateKey.from_private_bytes(device.seed))
        with self._world.store.transaction("leaving"):
            self._world.store.lines.note_withdrawal(device.record_id, document)
            self._world.store.lines.put(replace(line, state=state, trouble=trouble))
        self._world.news.line_changed(self._line)

    async def finish(self, reach: Reach, device: Device, withdrawal: dict[str, object]) -> Left:
        """Say it to the server once, shut the gate for good, and only then show the switch as off."""
        lock = self._world.store.locks.get(self._line)
        waits = await self._cancel(reach) if lock.waits_until else ()
        if device.step in {Step.CONSENTED, Step.CODE_WANTED} or (device.step is Step.LOCKED and not lock.pin_proof):
            # Nothing is enrolled; the code that may be on its way is forgotten by itself.
            self.ended(reach, LineEvent.LEFT, None)
            await reach.control.close()
            return Left(erased=False, outlives=(CODE_OUTLIVES, *waits))
        receipt: Receipt | None = None
        answer: Withdrawn | None = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await reach.control.call(WITHDRAW_PATH, WithdrawConsent(withdrawal), Withdrawn)
            receipt = self._checked(answer, withdrawal)
        except (ServerSideError, ConsentError, ProtocolError, TimeoutError):
            receipt = None  # the lease does the erasing
        finally:
            reach.gate.shut()
        await reach.control.close()
        with self._world.store.transaction("left"):
            if receipt is not None and answer is not None:
                self._world.store.lines.note_withdrawal_receipt(
                    receipt.record_id, answer.receipt, statement=self._device().statement
                )
            why = self._world.store.lines.get(self._line).trouble
            said = [one for one in (why, None if receipt is not None else NOT_CONFIRMED) if one is not None]
            changed = self._forget(LineEvent.LEFT, "; ".join(said) or None)
        self._tell(changed)
        return Left(erased=receipt is not None, outlives=receipt.outlives if receipt is not None else ())

    def ended(self, reach: Reach | None, event: LineEvent, trouble: str | None) -> None:
        """Go off without a word: the server ended the enrolment, or it never came about."""
        if reach is not None:
            reach.gate.shut()
        with self._world.store.transaction("ended"):
            changed = self._forget(event, trouble)
        self._tell(changed)

    async def _cancel(self, reach: Reach) -> tuple[str, ...]:
        """Stop waiting for a locked number; returns what outlives it where the server could not be told."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                told = await Waiting(self._world, self._line, reach).cancel()
        except TimeoutError:
            told = False
        return () if told else (WAIT_OUTLIVES,)

    def _checked(self, answer: Withdrawn, withdrawal: dict[str, object]) -> Receipt:
        device = self._device()
        said = hashlib.sha256(canonical(read_withdrawal(withdrawal, device_key=device.ed25519))).digest()
        stated, _ = current(device)
        receipt = read_receipt(answer.receipt, receipt_key=stated.receipt_key, other_key=stated.other_receipt_key)
        about = (receipt.event, receipt.record_id, receipt.record_sha256, receipt.device)
        if about != ("withdrawn", device.record_id, said, device.device):
            raise ConsentError("the server's receipt is for something else")
        return receipt

    def _forget(self, event: LineEvent, trouble: str | None) -> list[Text]:
        """Destroy the device with all its secrets, and settle what was on its way; inside a transaction."""
        store = self._world.store
        changed = [after(text, NoAnswerComes(Reason.LEFT)) for text in store.texts.under_way(self._line)]
        changed += [after(text, Waits(Reason.ASK)) for text in store.texts.queued(self._line)]
        for text in changed:
            store.texts.put(text)
        store.outbox.empty(self._line)
        store.peers.forget_enrolment(self._line)
        store.odd.forget_line(self._line)
        store.lines.forget_device(self._line)
        store.locks.forget(self._line)
        line = store.lines.get(self._line)
        store.lines.put(
            replace(line, state=move(line.state, event), trouble=trouble, number=None, sim=None, sim_gone_since=0.0)
        )
        return changed

    def _tell(self, texts: list[Text]) -> None:
        # Public, and of no more use; what cannot be deleted stands in no one's way.
        with suppress(CacheError):
            self._world.sets.forget(self._line)
        for text in texts:
            self._world.news.text_changed(text)
        self._world.news.line_changed(self._line)

    def _device(self) -> Device:
        device = self._world.store.lines.device(self._line)
        if device is None:
            raise LookupError("this line has no device")
        return device
