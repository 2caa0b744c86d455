"""Sent-as-SMS notices (design.md §5.4): which SMS is the message that a notice names.

A notice says: this message, of which you may have a copy, went by SMS as well. It joins one SMS to one message. Without
a notice nothing is joined, however alike: two "ok" stay two.

    the digest fits                       it is that SMS
    the message itself is known, too      the SMS that is most like it: carriers change letters that they cannot write
    neither                               nothing is joined yet; a text that would be hidden wrongly would be lost
"""

import difflib
import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sayso.phone.core.texts import Text
from sayso.protocol.limits import DAY

WINDOW_S: Final = 8 * DAY
"""How far an SMS and its notice may be apart: a week in the mailbox of one or in the network of the other."""
_LIKE: Final = 0.6


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
        candidates: SMS of its number that no notice has been joined to, oldest first.
        message: the message's text, if it came by cloud.
    """
    near = [sms for sms in candidates if abs(sms.at - notice.at) <= WINDOW_S]
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
    likeness = [(_likeness(message, sms.text), -place, sms) for place, sms in enumerate(near)]
    best = max(likeness, default=None, key=lambda one: one[:2])
    return best[2] if best is not None and best[0] >= _LIKE else None


def _likeness(message: str, sms: str) -> float:
    """Compare what no carrier changes: letters and digits of ASCII, without accents. 1.0: all the same."""
    meant, came = _plain(message), _plain(sms)
    if not meant:
        return 1.0 if not came and len(sms) <= len(message) * 2 else 0.0
    return difflib.SequenceMatcher(None, meant, came, autojunk=False).ratio()


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if char.isascii() and char.isalnum())
