"""Sent-as-SMS notices (design.md §5.4): which SMS is the message that a notice names.

A notice says: this message, of which you may have a copy, went by SMS as well. It joins one SMS to one message. Without
a notice nothing is joined, however alike: two "ok" stay two.

    the digest fits                       it is that SMS
    the message itself is known, too      an SMS that differs in nothing but letters that carriers cannot write
    neither                               nothing is joined yet; a text that would be hidden wrongly would be lost
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sayso.phone.core.texts import Text
from sayso.protocol.limits import DAY

WINDOW_S: Final = 8 * DAY
"""How far an SMS and its notice may be apart: a week in the mailbox of one or in the network of the other."""
_LETTERS_FOR_ONE: Final = 3
_COMPARED: Final = 2000
"""Characters; beyond that a text is the same enough."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Notice:
    """A notice that came."""

    line: bytes
    number: str
    message_id: bytes
    sha256: bytes
    parts: int
    at: float
    """When it came; Unix seconds."""
    joined: int = 0
    """Place of the SMS that it was joined to; 0: none yet."""


def sms_digest(text: str) -> bytes:
    """Return the digest of an SMS's text."""
    return hashlib.sha256(text.encode()).digest()


def the_sms(notice: Notice, candidates: Sequence[Text], *, message: str | None) -> Text | None:
    """Choose the SMS that a notice means.

    Args:
        notice: not joined yet.
        candidates: SMS of its number that no notice has been joined to, oldest first; their own clocks may be wrong.
        message: the message's text, if it came by cloud.
    """
    near = [sms for sms in candidates if abs((sms.came_at or sms.at) - notice.at) <= WINDOW_S]
    return _chosen(notice, near, message)


def the_notice(sms: Text, open_notices: Sequence[tuple[Notice, str | None]], *, now: float) -> Notice | None:
    """Choose the notice that means an SMS that came just now; its own clock may be wrong.

    Args:
        sms: the SMS.
        open_notices: those of its number that are not joined, oldest first, with the message's text where it is known.
        now: Unix seconds.
    """
    near = [(one, message) for one, message in open_notices if now - one.at <= WINDOW_S]
    exact = next((one for one, _ in near if sms_digest(sms.text) == one.sha256), None)
    return exact or next((one for one, message in near if _chosen(one, [sms], message) is not None), None)


def _chosen(notice: Notice, near: Sequence[Text], message: str | None) -> Text | None:
    for sms in near:
        if sms_digest(sms.text) == notice.sha256:
            return sms
    if message is None:
        return None
    return next((sms for sms in near if _same_but_for_foreign_letters(message, sms.text)), None)


def _same_but_for_foreign_letters(message: str, sms: str) -> bool:
    """Whether a carrier can have made this SMS of the message: what is ASCII stands as it was, in order.

    Of each other character up to three ASCII ones may have come, or none; where these are the most, none: too much else
    would fit. Spaces, signs and case do not count. A walk over all places at once, as through an automaton.
    """
    came = _plain(sms)
    meant = [(char, _plain(char)) for char in message.casefold() if not char.isascii() or char.isalnum()]
    foreign = sum(not char.isascii() for char, _ in meant)
    most = _LETTERS_FOR_ONE if foreign * 2 <= len(meant) else 0
    places = {0}
    for char, base in meant[:_COMPARED]:
        if char.isascii():
            places = {place + 1 for place in places if came[place : place + 1] == char}
        else:
            places = {place + more for place in places for more in range(max(most, len(base)) + 1)}
            places = {place for place in places if place <= len(came)}
        if not places:
            return False
    return len(came) in places or len(meant) > _COMPARED


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if char.isascii() and char.isalnum())
