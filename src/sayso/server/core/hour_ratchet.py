"""The hour key: a ratchet that goes forward only, so that what was wrapped under a past hour cannot be opened.

    state n ──HKDF "sayso/hour-state/1"──▶ state n+1 ──▶ ...
       └─────HKDF "sayso/hour-wrap/1"────▶ wrap key n

A state's number, its generation, is the hour of Unix time in which it was made, or one more than its predecessor's when
the wall clock stands still or was set back.
"""

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sayso.protocol.limits import LIMITS

STATE_BYTES: Final = 32
STEPS_MAX: Final = 20_000
"""More than two years of hours; derived in a fraction of a second."""
_STATE_INFO: Final = b"sayso/hour-state/1"
_WRAP_INFO: Final = b"sayso/hour-wrap/1"


def wrap_key(state: bytes) -> bytes:
    """Return the AES-256 key (32 bytes) that wraps envelope keys while `state` is the present one."""
    return _derive(state, _WRAP_INFO)


def advance(state: bytes, *, generation: int, to: int, fresh: bytes) -> bytes:
    """Return the state of a later generation.

    Args:
        state: 32 bytes, of `generation`.
        generation: where the ratchet stands.
        to: where it shall stand; greater.
        fresh: 32 fresh random bytes: they become the state when `to` is more than `STEPS_MAX` away (a wall clock that
            jumped by years), so that the work is bounded. The one server that holds both states re-wraps what waits.

    Raises:
        ValueError: `to` is not later, or a length is wrong.
    """
    if to <= generation:
        raise ValueError("the hour ratchet goes forward only")
    if len(state) != STATE_BYTES or len(fresh) != STATE_BYTES:
        raise ValueError("an hour state has 32 bytes")
    if to - generation > STEPS_MAX:
        return fresh
    for _ in range(to - generation):
        state = _derive(state, _STATE_INFO)
    return state


def hour_of(wall: float) -> int:
    """Return the hour of Unix time, the generation of a state made at `wall` Unix seconds."""
    return int(wall // LIMITS.hour_s)


def due(generation: int, *, wall: float, since_turn: float | None) -> int | None:
    """Return the generation to turn to now, or None when it is not time yet.

    Args:
        generation: the present one.
        wall: Unix seconds.
        since_turn: monotonic seconds since the last turn, None when the process has not seen one: then a generation
            of the future is turned at once, since a clock that was set back tells nothing about the key's age.
    """
    hour = hour_of(wall)
    old = hour != generation if since_turn is None else hour > generation or since_turn >= LIMITS.hour_s
    return max(hour, generation + 1) if old else None


def _derive(state: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=STATE_BYTES, salt=None, info=info).derive(state)
