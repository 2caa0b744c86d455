"""The ratchet's messages, which anyone may write who has a device's keys: only RatchetError, and nothing forged opens.

The first byte of an input picks what is done with the rest. What only repeats a pre-key message to a fallback key opens
a session anew: dedupe is there for that. vodozemac takes no seed, so keys and messages are others in each run.
"""

import contextlib
from typing import Final

from sayso.phone.adapters.vodozemac_ratchet import VodozemacRatchet
from sayso.phone.errors import RatchetError

SENT: Final = (b"hello", b"x" * 300, b"an answer", b"and on")
_RATCHET: Final = VodozemacRatchet(b"k" * 32)
_ALICE, _BOB = _RATCHET.new_account(), _RATCHET.new_account()
_FALLBACK: Final = _BOB.new_fallback_key()[1]
_TO_BOB: Final = _ALICE.open_outbound(_BOB.curve25519, _FALLBACK)
_FIRST: Final = [_TO_BOB.encrypt(text) for text in SENT[:2]]
_TO_ALICE, _ = _BOB.open_inbound(_ALICE.curve25519, _FIRST[0][1])
_BACK: Final = _TO_ALICE.encrypt(SENT[2])
_TO_BOB.decrypt(*_BACK)
_ON: Final = _TO_BOB.encrypt(SENT[3])
# What comes is opened by a copy that has seen nothing but the first message, so each input meets the same state.
_STATE: Final = _TO_ALICE.dump()
_NEVER: Final = _RATCHET.load_session(_STATE)


def fuzz_one(data: bytes) -> None:
    """Open, read or recognise what comes."""
    what, message = data[0] % 4 if data else 0, data[1:]
    with contextlib.suppress(RatchetError):
        if what == 0:
            _is_of_the_sent(_BOB.open_inbound(_ALICE.curve25519, message)[1])
        elif what == 1:
            _ALICE.open_outbound(message[:32], message[32:])
        elif what == 2:
            _NEVER.matches(message)
        else:
            # A message that opens moves the ratchet on: the next one is opened by a fresh copy.
            global _copy  # noqa: PLW0603  one for all that do not open
            _is_of_the_sent(_copy.decrypt(data[0] >> 2 & 1, message))
            _copy = _RATCHET.load_session(_STATE)


def _is_of_the_sent(plaintext: bytes) -> None:
    if plaintext not in SENT:
        raise AssertionError("opened, and not what was sent")


_copy = _RATCHET.load_session(_STATE)


def seeds() -> list[bytes]:
    """Whole messages of both kinds, and the keys of a session to be opened."""
    return [
        *(b"\x00" + message for _, message in _FIRST),
        b"\x01" + _BOB.curve25519 + _FALLBACK,
        b"\x02" + _FIRST[0][1],
        b"\x03" + _FIRST[1][1],
        b"\x07" + _BACK[1],
        b"\x07" + _ON[1],
    ]
