"""What no modem is told, whichever it is: the bounds of the modem protocol hold for all."""

import re
from typing import Final

from sayso.protocol.modem import SendSms, encode

_RECIPIENT: Final = re.compile(r"\+?[0-9]{2,15}", re.ASCII)


def check_sms(ref: int, to: str, text: str) -> None:
    """Check an SMS before anything is done with it.

    Raises:
        ModemProtocolError: the text is longer than 255 parts or no valid Unicode, or `to` is no address.
    """
    encode(SendSms(ref=ref, to=to, text=text, delivery_report=True))


def can_be_sent(to: str, text: str) -> bool:
    """Whether a network would take it: digits to send to, and no NUL, which would cut the text off on its way."""
    return _RECIPIENT.fullmatch(to) is not None and "\0" not in text
