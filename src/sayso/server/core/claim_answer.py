"""Answers to claims, kept ten minutes for a phone that has to ask twice, in a form that does not tell who asked whom.

Row id and key both come from the request id: 16 random bytes that the phone draws, and the server does not store. A
stolen database shows neither the device that asked nor the lines that it asked for.
"""

import hashlib
import struct
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from sayso.protocol.api import Claim, ProblemType
from sayso.protocol.ids import DeviceId
from sayso.server.errors import Refused

KEPT_S: Final = 600
_NONCE: Final = struct.Struct(">d4x")


def answer_id(device: DeviceId, claim: Claim) -> bytes:
    """Return the row id of a claim's answer, 32 bytes."""
    return hashlib.sha256(b"sayso/claim-id/1" + device + claim.request_id).digest()


def seal_answer(answer: bytes, device: DeviceId, claim: Claim, *, expires: float) -> bytes:
    """Seal an answer to the request id and the lines of its claim.

    Args:
        answer: JSON.
        device: who claims.
        claim: what is answered.
        expires: running seconds; grows, so that a request id that is used again later does not repeat a nonce.
    """
    return ChaCha20Poly1305(_key(device, claim)).encrypt(_NONCE.pack(expires), answer, None)


def open_answer(sealed: bytes, device: DeviceId, claim: Claim, *, expires: float) -> bytes:
    """Open what `seal_answer` made.

    Raises:
        Refused: the request id belongs to a claim of other lines.
    """
    try:
        return ChaCha20Poly1305(_key(device, claim)).decrypt(_NONCE.pack(expires), sealed, None)
    except InvalidTag as error:
        detail = "This request id was used for other lines; draw a new one."
        raise Refused(ProblemType.MALFORMED, detail) from error


def _key(device: DeviceId, claim: Claim) -> bytes:
    lines = hashlib.sha256(msgspec.msgpack.encode(claim.lines)).digest()
    return hashlib.sha256(b"sayso/claim-key/1" + device + claim.request_id + lines).digest()
