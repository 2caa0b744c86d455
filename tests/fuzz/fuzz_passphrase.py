"""Files sealed under a passphrase: the head at full count, Argon2id and what is sealed a few times; PassphraseError."""

import contextlib

from sayso.protocol.errors import PassphraseError
from sayso.protocol.passphrase import open_sealed
from tests.fuzz.vectors import vectors

SLOW_EXECUTIONS = 100
"""Argon2id takes milliseconds even at its cheapest."""
_HEAD_BYTES = 15 + 12
"""Magic and costs: a damaged cost could ask for a gigabyte, so `slow_one` leaves them alone."""
# It cannot be encoded, which ends the opening right before Argon2id, after all that is parsed.
_NO_PASSPHRASE = "\ud800"
_SEALED = bytes.fromhex(vectors("passphrase")["sealed"])
_PASSPHRASE = vectors("passphrase")["passphrase"]


def fuzz_one(data: bytes) -> None:
    with contextlib.suppress(PassphraseError):
        open_sealed(data, _NO_PASSPHRASE)


def slow_one(data: bytes) -> None:
    with contextlib.suppress(PassphraseError):
        open_sealed(_SEALED[:_HEAD_BYTES] + data[_HEAD_BYTES:], _PASSPHRASE)


def seeds() -> list[bytes]:
    return [_SEALED]
