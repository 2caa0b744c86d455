"""Which Olm session to send on, and when to open another (design.md §5.3, libraries.md F3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sayso.protocol.limits import LIMITS


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Session:
    """One Olm session with one device of a peer."""

    line: bytes
    peer_curve25519: bytes
    """The certified identity key of the peer's device: a session belongs to a key, not to a number."""
    session_id: str
    state: bytes
    """As the ratchet dumps it."""
    unanswered: int = 0
    """Messages sent on it since the last one that came in on it."""
    received: bool = False
    """Whether anything ever came in on it."""
    retired: bool = False
    """Not sent on any more; still opens what comes in."""
    used_at: float = 0.0
    """Unix seconds of the last message either way."""


def to_send_on(sessions: Sequence[Session]) -> Session | None:
    """Choose the session to send on; None if a new one has to be opened.

    Two first messages that cross leave two sessions with both sides; both send on the one with the lower id.
    """
    usable = [one for one in sessions if not one.retired and one.unanswered < LIMITS.session_unanswered]
    return min(usable, key=lambda one: one.session_id, default=None)


def retired_by_new_inbound(sessions: Sequence[Session]) -> list[Session]:
    """Return those sessions that a peer's new session replaces.

    A peer that had received, or opened, on a session before and opens another one has lost that session, or has given
    it up; replying on it would go unread. A session of ours that it has not answered yet has merely crossed with it.
    """
    return [one for one in sessions if one.received and not one.retired]


def too_many(sessions: Sequence[Session], *, keep: int = 8) -> list[Session]:
    """Return those sessions with a device that can go: beyond the last `keep` used."""
    return sorted(sessions, key=lambda one: one.used_at, reverse=True)[keep:]
