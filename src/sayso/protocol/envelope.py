"""Envelopes: the ratchet's message and the sender's certificate, padded and sealed (design.md §5.3).

HPKE with X-Wing to the device's envelope key. ``info`` = ``sayso/envelope/1`` ‖ server key digest (32) ‖ epoch
(1) ‖ recipient token (33) ‖ device (16) ‖ envelope-key id (4, big endian). Plaintext: length (4, big endian) ‖ `Inner`
as MessagePack ‖ zeros, such that the whole envelope has 2, 4, 8, 16, 32 or 64 KiB.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from sayso.protocol.certificate import MAX_BYTES as CERTIFICATE_BYTES
from sayso.protocol.errors import EnvelopeError
from sayso.protocol.ids import Bytes16, Bytes33, DeviceId, KeyDigest, Token, outline
from sayso.protocol.limits import LIMITS
from sayso.protocol.xwing import OVERHEAD, SealPrivateKey, SealPublicKey

_LENGTH_BYTES: Final = 4


class Inner(Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """What the seal protects: who sent, and the ratchet's message."""

    olm_type: Annotated[int, Meta(ge=0, le=1)]
    """0: pre-key message (opens a session), 1: ordinary message."""
    olm: Annotated[bytes, Meta(max_length=LIMITS.envelope_bytes)]
    token: Bytes33
    device: Bytes16
    certificate: Annotated[bytes, Meta(max_length=CERTIFICATE_BYTES)]

    def __repr__(self) -> str:
        return outline(self)


class Address(Struct, frozen=True, kw_only=True):
    """To whom an envelope is sealed; all of it is bound into the seal."""

    server: KeyDigest
    token: Token
    device: DeviceId
    key_id: int

    def info(self) -> bytes:
        """Return HPKE's `info`. The epoch is the token's first byte; it stands apart so that it is seen."""
        key_id = self.key_id.to_bytes(4, "big")
        return b"sayso/envelope/1" + self.server + self.token[:1] + self.token + self.device + key_id

    def __repr__(self) -> str:
        return outline(self)


def seal(inner: Inner, *, to: Address, key: SealPublicKey) -> bytes:
    """Pad and seal.

    Returns:
        An envelope of one of the six sizes.

    Raises:
        EnvelopeError: the content is too large for the largest size.
    """
    data = msgspec.msgpack.encode(inner)
    needed = _LENGTH_BYTES + len(data) + OVERHEAD
    for size in LIMITS.envelope_sizes_bytes:
        if needed <= size:
            padding = bytes(size - needed)
            return key.seal(len(data).to_bytes(_LENGTH_BYTES, "big") + data + padding, info=to.info())
    raise EnvelopeError("the message is too long for an envelope")


def unseal(envelope: bytes, *, to: Address, key: SealPrivateKey) -> Inner:
    """Open a seal.

    Raises:
        EnvelopeError: damaged, for another device, line, server, epoch or key, or wrongly padded.
    """
    if len(envelope) not in LIMITS.envelope_sizes_bytes:
        raise EnvelopeError("an envelope has 2, 4, 8, 16, 32 or 64 KiB")
    padded = key.open(envelope, info=to.info())
    length = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    end = _LENGTH_BYTES + length
    if end > len(padded) or any(padded[end:]):
        raise EnvelopeError("the envelope's padding is wrong")
    try:
        return msgspec.msgpack.decode(memoryview(padded)[_LENGTH_BYTES:end], type=Inner)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise EnvelopeError("the envelope's inside is malformed") from error
