"""Nonces that come back with signed requests: refused in one way, and good only as they were given out, once."""

from typing import Final

from sayso.server.core.nonces import RANDOM_BYTES, Nonces
from sayso.server.errors import Refused

_NOW: Final = 1000.0
_NONCES: Final = Nonces(key=bytes(range(32)))
_GIVEN: Final = [_NONCES.issue(now=_NOW, randomness=bytes((number,)) * RANDOM_BYTES) for number in range(8)]


def fuzz_one(data: bytes) -> None:
    nonce = data.decode("utf-8", "surrogateescape")
    nonces = Nonces(key=bytes(range(32)))
    try:
        nonces.use(nonce, now=_NOW)
    except Refused:
        return
    if nonce not in _GIVEN:
        raise AssertionError("taken, and never given out")
    try:
        nonces.check(nonce, now=_NOW)
    except Refused:
        return
    raise AssertionError("taken twice")


def seeds() -> list[bytes]:
    older = _NONCES.issue(now=1.0, randomness=bytes(RANDOM_BYTES))
    return [*(nonce.encode() for nonce in _GIVEN), older.encode()]
