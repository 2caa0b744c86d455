"""Envelopes: padding and inside at full count behind a seal that is no seal, then through HPKE; only EnvelopeError."""

import contextlib

import msgspec

from sayso.protocol.envelope import Address, Inner, unseal
from sayso.protocol.errors import EnvelopeError
from sayso.protocol.xwing import OVERHEAD, SealPrivateKey, SealPublicKey
from scripts.vector_cast import ALICE, BOB, SERVER
from tests.fuzz.vectors import vectors

SLOW_EXECUTIONS = 3_000
_SIZE = 2048
_ADDRESS = Address(server=SERVER, token=BOB.token, device=BOB.device, key_id=1)
_KEY = BOB.envelope_key


class _NoSeal(SealPrivateKey):
    """Opens everything, so that the mutations reach what lies behind the seal."""

    def open(self, sealed: bytes, *, info: bytes) -> bytes:  # noqa: ARG002  the seal is not the subject
        return sealed[OVERHEAD:]


_OPEN = _NoSeal(BOB.envelope_key.secret_bytes())


def fuzz_one(data: bytes) -> None:
    plaintext = data[: _SIZE - OVERHEAD]
    with contextlib.suppress(EnvelopeError):
        unseal(bytes(OVERHEAD) + plaintext.ljust(_SIZE - OVERHEAD, b"\0"), to=_ADDRESS, key=_OPEN)
    with contextlib.suppress(EnvelopeError):
        unseal(data, to=_ADDRESS, key=_OPEN)


def slow_one(data: bytes) -> None:
    with contextlib.suppress(EnvelopeError):
        unseal(data[:_SIZE].ljust(_SIZE, b"\0"), to=_ADDRESS, key=_KEY)
    with contextlib.suppress(EnvelopeError):
        _KEY.open(data, info=b"")
    with contextlib.suppress(EnvelopeError):
        SealPublicKey(data[:1216]).seal(b"", info=b"")


def seeds() -> list[bytes]:
    inner = msgspec.msgpack.encode(Inner(1, b"olm", ALICE.token, ALICE.device, b"certificate"))
    stored = vectors("sealed")
    sealed = [bytes.fromhex(stored["envelope"][name]) for name in ("sealed", "public_key")]
    return [len(inner).to_bytes(4, "big") + inner, *sealed, bytes.fromhex(stored["number"]["sealed"])]
