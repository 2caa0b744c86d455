"""Statements that peers go by and this phone does not: a change of the server's, or a server with two faces.

A message carries the digest of the statement that its sender goes by. Phones ask for it anew every twelve hours, so a
day after a change everybody who writes has seen it. A digest that does not fit is noted, and the server is asked again,
by the clock; only then it is judged:

    noted ─ asked again ─▶ it is ours too: the server had just changed it
                      ├──▶ ours has changed lately: the sender may have been shown one in between, or the one before
                      └──▶ neither: the server shows us one thing and our friends another ─▶ the owner is warned
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sayso.protocol.limits import LIMITS, MINUTE

ASK_AGAIN_S: Final = 10 * MINUTE
"""After this a cache in between has let go of an older statement, and the server is asked about a digest met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddStatement:
    """A digest in a peer's messages that this phone does not go by."""

    line: bytes
    number: str
    digest: bytes
    met_at: float
    """When it first came; Unix seconds."""
    sent_at: float
    """When the newest message with it was sent, as the sender says."""


class Judgement(StrEnum):
    """What became of an odd digest."""

    SETTLED = "settled"
    """There was nothing in it."""
    OPEN = "open"
    """The server has still to be asked."""
    TWO_FACES = "two-faces"
    """The owner is warned."""


def is_odd(digest: bytes, *, sent_at: float, shown: Sequence[bytes], since: float) -> bool:
    """Whether a statement digest in a message has to be looked into.

    Args:
        digest: in the message.
        sent_at: when it was sent, Unix seconds.
        shown: digests of the statements that this phone was shown, newest first.
        since: when the newest of these was first shown, Unix seconds.
    """
    return digest not in shown or (digest != shown[0] and sent_at >= since + LIMITS.statement_grace_s)


def worth_asking(odd: OddStatement, *, now: float) -> bool:
    """Whether it is time to ask the server again."""
    return not odd.met_at <= now < odd.met_at + ASK_AGAIN_S


def judge(odd: OddStatement, *, shown: Sequence[bytes], since: float, asked_at: float) -> Judgement:
    """Judge an odd digest.

    Args:
        odd: as noted.
        shown: digests of the statements that this phone was shown, newest first.
        since: when the newest of these was first shown, Unix seconds.
        asked_at: when the server was last asked, Unix seconds.
    """
    if odd.digest == shown[0]:
        return Judgement.SETTLED
    if not worth_asking(odd, now=asked_at):
        return Judgement.OPEN
    if odd.sent_at < since + LIMITS.statement_grace_s:
        return Judgement.SETTLED
    return Judgement.TWO_FACES
