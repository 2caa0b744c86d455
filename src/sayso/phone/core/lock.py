"""The registration lock, as both of its sides know it on their phones (design.md §5.1).

A line that wants a number under which another device is enrolled waits, step `locked` of its device:

    confirming ─ locked ─▶ locked ─ the wait is over, or a PIN was entered and the code is old ─▶ consented (a new code)
                             └ PIN entered, code still good ─▶ enrolled, or locked again: the PIN was wrong

A line that is on is told when another device waits for its number: `newcomer_until`.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

from sayso.protocol.api import Lock


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LockState:
    """What one line knows of locks. Times are Unix seconds."""

    line: bytes
    waits_until: float = 0.0
    """This line waits for its number until then; 0: it does not wait."""
    pin_tries: int = 0
    """How many PINs may still be tried for it; 0 also where there is no PIN."""
    pin: str | None = None
    """The PIN that its owner entered and that is still to be tried."""
    pin_proof: bytes = b""
    """Of that PIN, once it was evaluated: it may have been shown to the server."""
    pin_set: bool = False
    """Whether this line's own lock has a PIN."""
    newcomer_until: float = 0.0
    """Another device waits for this line's number until then; 0: none does, as far as this phone was told."""
    refusal_id: bytes = b""
    """Of the code that was asked for to refuse it."""
    refusal_expires: float = 0.0
    refusal_code: str | None = None
    """That code, once it has come."""


class Next(Enum):
    """What a line that waits does next."""

    WAIT = auto()
    PROVE = auto()
    ASK_CODE = auto()


def next_step(state: LockState, *, code_good: bool, now: float) -> Next:
    """Tell what a line that waits does next.

    Args:
        state: as stored.
        code_good: whether the code that was confirmed has not expired.
        now: Unix seconds.
    """
    if state.pin is not None:
        return Next.PROVE if code_good else Next.ASK_CODE
    return Next.WAIT if now < state.waits_until else Next.ASK_CODE


def told_to_wait(state: LockState, lock: Lock, *, now: float) -> LockState:
    """Return the state once the server has said how the line stands before a lock."""
    pin = state.pin if lock.pin_tries > 0 else None
    return replace(
        state,
        waits_until=now + max(0, lock.wait_s),
        pin_tries=max(0, lock.pin_tries),
        pin=pin,
        pin_proof=state.pin_proof if pin is not None else b"",
    )


def come_in(state: LockState) -> LockState:
    """Return the state of a line that is enrolled: by a PIN, then that is its PIN now."""
    return LockState(line=state.line, pin_set=state.pin is not None or state.pin_set)


def wants_code(state: LockState, *, now: float) -> bool:
    """Whether a code that comes is the one to refuse a newcomer with."""
    return bool(state.refusal_id) and now < state.refusal_expires


def settled(state: LockState) -> LockState:
    """Return the state once no newcomer waits any more."""
    return replace(state, newcomer_until=0.0, refusal_id=b"", refusal_expires=0.0, refusal_code=None)
