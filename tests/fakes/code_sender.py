"""A `CodeSender` that keeps what it was given; it passes the suite of the real ones (tests/contract/code_sender.py)."""

import asyncio
from dataclasses import dataclass, field

from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters.sms_alphabet import fits_one_sms
from sayso.server.errors import SmsError, SmsNotTakenError


@dataclass
class FakeCodeSender:
    """Takes SMS, or fails like a gateway that is down."""

    sent: list[tuple[PhoneNumber, str]] = field(default_factory=list)
    down: bool = False
    in_doubt: bool = False
    """Whether it breaks off without an answer."""
    hold: asyncio.Event | None = None
    """While it is set, and not signalled, no SMS is taken: a gateway that is slow."""

    async def send(self, number: PhoneNumber, text: str) -> None:
        """See `CodeSender`."""
        if self.hold is not None:
            await self.hold.wait()
        if self.down or not fits_one_sms(text):
            raise SmsNotTakenError("the SMS gateway did not take the code: it answered 503")
        if self.in_doubt:
            raise SmsError("the SMS gateway did not take the code: it broke off")
        self.sent.append((number, text))

    def code(self) -> str:
        """The code of the last SMS."""
        return self.sent[-1][1].rpartition(" ")[2]
