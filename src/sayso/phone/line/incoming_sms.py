"""An SMS of the modem's storage becomes a row of a thread, or the code that is waited for: once, then it is deleted.

    announced ─ seen at this place? ─────────────▶ deleted again
        │  └─ seen, not deleted, at another place? ─▶ the modem was reset: noted, deleted
        ▼
    stored in one transaction with the note that it was ─▶ deleted from the modem ─▶ noted as deleted

A crash between any two of these, a modem that repeats itself, and one that gives its SMS other places all end with one
row. Two SMS that differ in nothing, not even in the second of sending, are two rows all the same, as long as the modem
deletes the first before it tells of the second; one of them could be lost only by a modem that neither deletes nor
keeps its places.
"""

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sayso.phone.core.codes import code_in
from sayso.phone.core.lines import Step
from sayso.phone.core.lock import wants_code
from sayso.phone.core.sms.incoming import SmsKind, shown_at
from sayso.phone.core.texts import Channel, Direction, Text, Word, first_state
from sayso.phone.errors import ModemGoneError
from sayso.phone.line.joining import Joining
from sayso.phone.line.sim_watch import normal
from sayso.phone.line.world import World
from sayso.phone.ports import IncomingSms, Modem

_NOTED_AGAIN_S: Final = 24 * 3600.0
"""So often the note of an SMS that stays with the modem is renewed: it must outlive the SMS."""
_WORDS: Final = {
    SmsKind.FLASH: Word.FLASH_SMS,
    SmsKind.MMS: Word.MMS_NOTICE,
    SmsKind.BINARY: Word.BINARY_SMS,
    SmsKind.INCOMPLETE: Word.INCOMPLETE_SMS,
}
NO_SENDER: Final = "unknown"
"""The thread of SMS whose sender the modem does not tell."""


class IncomingSmsDesk:
    """Takes what one modem tells of its storage."""

    def __init__(self, world: World, line: bytes, modem: Modem, *, code_came: Callable[[], None]) -> None:
        """Take a modem.

        Args:
            world: see `World`.
            line: id of the line.
            modem: the line's modem.
            code_came: called when the registrar's code has come and is stored.
        """
        self._world = world
        self._line = line
        self._modem = modem
        self._code_came = code_came
        self._joining = Joining(world, line)

    async def take(self, sms: IncomingSms) -> None:
        """Store an SMS unless it is stored, then let the modem delete it. A modem that goes tells of it again."""
        digest = hashlib.sha256(f"{sms.sender}\n{sms.sent_at}\n{sms.text}".encode()).digest()
        if not self._known(sms, digest):
            self._keep(sms, digest)
        if sms.stays:
            return
        with contextlib.suppress(ModemGoneError):
            await self._modem.delete_sms(sms.index)
            # An inbox that is not ours to empty is told anew at every start: nothing is written for what is known.
            if self._world.store.seen.sms_lies_there(self._line, sms.index, digest):
                with self._world.store.transaction("sms-deleted"):
                    self._world.store.seen.sms_deleted(self._line, sms.index, digest)

    def _known(self, sms: IncomingSms, digest: bytes) -> bool:
        seen, now = self._world.store.seen, self._world.clock.wall()
        noted_at = seen.sms(self._line, sms.index, digest)
        if noted_at is not None:
            if now - noted_at >= _NOTED_AGAIN_S:
                with self._world.store.transaction("sms-noted-again"):
                    seen.add_sms(self._line, sms.index, digest, at=now)
            return True
        elsewhere = seen.sms_elsewhere(self._line, digest)
        if elsewhere is None:
            return False
        with self._world.store.transaction("sms-moved"):
            seen.move_sms(self._line, digest, old=elsewhere, new=sms.index)
        return True

    def _keep(self, sms: IncomingSms, digest: bytes) -> None:
        """Store an SMS, as a text or as the code that is waited for."""
        device = self._world.store.lines.device(self._line)
        enrolling = device is not None and device.step in {Step.CONSENTED, Step.CODE_WANTED}
        lock = self._world.store.locks.get(self._line)
        refusing = not enrolling and device is not None and wants_code(lock, now=self._world.clock.wall())
        code = code_in(sms.text) if enrolling or refusing else None
        text: Text | None = None
        changed: list[Text] = []
        with self._world.store.transaction("sms-came"):
            self._world.store.seen.add_sms(self._line, sms.index, digest, at=self._world.clock.wall())
            if code is not None and refusing:
                self._world.store.locks.put(replace(lock, refusal_code=code))
            elif device is not None and code is not None:
                self._world.store.lines.put_device(replace(device, code=code))
            else:
                text = self._world.store.texts.add(self._row(sms))
                changed = self._joining.sms_came(text) or [text]
        for one in changed:
            self._world.news.text_changed(one)
        if text is None:
            self._code_came()

    def _row(self, sms: IncomingSms) -> Text:
        number, now = normal(sms.sender) or NO_SENDER, self._world.clock.wall()
        return Text(
            line=self._line,
            number=number,
            message_id=self._world.random.token_bytes(16),
            direction=Direction.IN,
            channel=Channel.SMS,
            text=sms.text,
            state=first_state(is_blocked=self._world.store.regard.is_blocked(number)),
            reason=_WORDS.get(sms.kind),
            at=shown_at(sms.sent_at, now=now),
            came_at=now,
        )
