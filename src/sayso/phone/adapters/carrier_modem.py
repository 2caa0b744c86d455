"""The Modem port over a modem of the simulated carrier, which is reached by a Unix path socket.

`events` attaches; when it ends, calling it again attaches anew, and the modem tells everything again. What the carrier
calls `pending` and `unreadable` is no answer yet: the first settles by itself, the second is asked again as soon as
there is a SIM to ask.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from sayso.phone.errors import ModemGoneError
from sayso.phone.ports import IncomingSms, ModemEvent, Sim, SmsSent
from sayso.protocol.modem import (
    MODEM_PROTOCOL_VERSION,
    AskSent,
    Attach,
    Coverage,
    DeleteSms,
    ModemError,
    ModemFrame,
    ModemFramer,
    ModemProtocolError,
    PhoneFrame,
    SendSms,
    SentStatus,
    SimState,
    SmsAccepted,
    SmsReceived,
    SmsRejected,
    SmsReport,
    encode,
    phone_side_framer,
)

_READ_BYTES: Final = 64 * 1024
_FIRST_WORD_S: Final = 10.0
"""A modem that says nothing about its SIM for so long is none."""


class CarrierModem:
    """One modem."""

    def __init__(self, path: Path) -> None:
        """Take the modem's socket; nothing is opened before `events`."""
        self._path = path
        self._writer: asyncio.StreamWriter | None = None
        self._unsettled: set[int] = set()

    async def events(self) -> AsyncIterator[ModemEvent]:
        """Attach, and yield the SIM, all stored SMS, then news. Ends when the modem vanishes; errors as in the port."""
        async with self._attached() as frames:
            async for frame in frames:
                event = self._take(frame)
                if event is not None:
                    yield event

    async def send_sms(self, ref: int, to: str, text: str) -> None:
        """Hand over an SMS; a delivery report is asked for. The answer is an `SmsSent` event.

        Raises:
            ModemGoneError: the modem vanished.
            ModemProtocolError: the text is longer than 255 parts or no valid Unicode, or `to` is no address.
        """
        await self._send(SendSms(ref=ref, to=to, text=text, delivery_report=True))

    async def ask_sent(self, ref: int) -> None:
        """Ask what became of `ref`; the answer is an `SmsSent` event, which may need a SIM.

        Raises:
            ModemGoneError: the modem vanished.
        """
        self._unsettled.add(ref)
        await self._send(AskSent(ref))

    async def delete_sms(self, index: int) -> None:
        """Delete a stored SMS; one that is gone already is no error.

        Raises:
            ModemGoneError: the modem vanished; it will tell of the SMS again.
        """
        await self._send(DeleteSms(index))

    def _take(self, frame: ModemFrame) -> ModemEvent | None:
        event = _event(frame)
        if isinstance(event, SmsSent):
            self._unsettled.discard(event.ref)
        elif isinstance(event, Sim) and event.present and not event.locked:
            self._ask_again()
        return event

    def _ask_again(self) -> None:
        if self._writer is not None and not self._writer.is_closing():
            for ref in sorted(self._unsettled):
                self._writer.write(encode(AskSent(ref)))

    async def _send(self, frame: PhoneFrame) -> None:
        data = encode(frame)
        if self._writer is None or self._writer.is_closing():
            raise _gone()
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise _gone() from error

    @asynccontextmanager
    async def _attached(self) -> AsyncIterator[AsyncIterator[ModemFrame]]:
        try:
            reader, writer = await asyncio.open_unix_connection(self._path)
        except OSError as error:
            raise _gone() from error
        self._writer = writer
        try:
            writer.write(encode(Attach(MODEM_PROTOCOL_VERSION)))
            yield _frames(reader)
        finally:
            if self._writer is writer:
                self._writer = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[ModemFrame]:
    framer = phone_side_framer()
    first = True
    while data := await _read(reader, _FIRST_WORD_S if first else None):
        for frame in _cut(framer, data):
            if isinstance(frame, ModemError):
                if first:
                    raise ModemGoneError(f"the modem refuses to serve this phone ({frame.code})")
                return
            if first and not isinstance(frame, SimState):
                raise ModemGoneError("what answers at the modem's socket is no modem")
            first = False
            yield frame
    if first:
        raise _gone()


async def _read(reader: asyncio.StreamReader, patience_s: float | None) -> bytes:
    try:
        async with asyncio.timeout(patience_s):
            return await reader.read(_READ_BYTES)
    except ConnectionError:
        return b""
    except TimeoutError as error:
        raise _gone() from error


def _cut(framer: ModemFramer[ModemFrame], data: bytes) -> list[ModemFrame]:
    try:
        return framer.feed(data)
    except ModemProtocolError as error:
        raise ModemGoneError("what answers at the modem's socket is no modem") from error


def _event(frame: ModemFrame) -> ModemEvent | None:
    event: ModemEvent | None = None
    match frame:
        case SimState():
            event = Sim(
                present=frame.present,
                locked=frame.locked,
                imsi=frame.imsi,
                iccid=frame.iccid,
                number=frame.number,
                operator=frame.operator,
            )
        case SmsReceived():
            event = IncomingSms(index=frame.index, sender=frame.sender, text=frame.text, sent_at=float(frame.sent_at))
        case SmsAccepted():
            event = SmsSent(ref=frame.ref, state="sent")
        case SmsRejected():
            event = SmsSent(ref=frame.ref, state="failed")
        case SmsReport():
            event = SmsSent(ref=frame.ref, state="delivered" if frame.delivered else "failed")
        case SentStatus(state="pending" | "unreadable") | Coverage() | ModemError():
            pass
        case SentStatus():
            event = SmsSent(ref=frame.ref, state=frame.state)
    return event


def _gone() -> ModemGoneError:
    return ModemGoneError("the modem cannot be reached; is the carrier (or the modem) running?")
