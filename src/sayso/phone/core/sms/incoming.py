"""What an SMS that came is, and what its clock is worth: decided alike for every modem."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sayso.phone.core.sms.header import WAP_PUSH_PORT
from sayso.phone.core.sms.mms import read_mms_notice
from sayso.phone.errors import SmsFormatError

EARLIEST: Final = 694_224_000.0
"""1 January 1992, the year of the first SMS: a stamp before it is none."""
AHEAD_S: Final = 600.0
"""So far a network's clock may be ahead of the phone's; beyond that the stamp is not believed."""


class SmsKind(StrEnum):
    """What an incoming SMS is; whatever is no text is shown as what it is, never swallowed."""

    TEXT = "text"
    FLASH = "flash"
    """Class 0: meant to be shown at once and not kept. It is kept all the same."""
    MMS = "mms"
    """The notice that a picture message waits at the operator; nothing is fetched."""
    BINARY = "binary"
    """Data, or a text in an encoding that nobody here knows."""
    INCOMPLETE = "incomplete"
    """Parts are missing, and have been for long."""


@dataclass(frozen=True, slots=True, repr=False)
class Meaning:
    """What an SMS is, as it is to be shown."""

    kind: SmsKind
    sender: str
    text: str


def meaning(
    *, sender: str, text: str, data: bytes = b"", port: int | None = None, flash: bool = False, missing: int = 0
) -> Meaning:
    """Tell what an SMS is.

    Args:
        sender: as the modem has it.
        text: what could be read as text; empty if nothing could.
        data: what could not.
        port: of its header, if it has one.
        flash: whether it is of class 0.
        missing: how many of its parts did not come.
    """
    if missing:
        return Meaning(SmsKind.INCOMPLETE, sender, text)
    if data and not text:
        if port in {None, WAP_PUSH_PORT}:
            try:
                notice = read_mms_notice(data)
            except SmsFormatError:
                pass
            else:
                return Meaning(SmsKind.MMS, notice.sender or sender, notice.subject)
        return Meaning(SmsKind.BINARY, sender, "")
    return Meaning(SmsKind.FLASH if flash else SmsKind.TEXT, sender, text)


def shown_at(sent_at: float, *, now: float) -> float:
    """Return the time to show for an SMS: the network's, unless it cannot be, then the phone's own.

    Args:
        sent_at: by the network's clock, 0 if it did not say; Unix seconds.
        now: by the phone's clock.
    """
    return sent_at if EARLIEST <= sent_at <= now + AHEAD_S else now
