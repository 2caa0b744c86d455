"""Receipts: what the server signs for a consent and for its withdrawal (design.md §5.1, §5.6).

``{"receipt": {...}, "signature": base64}`` over the RFC 8785 form, by the receipt key of the statement. A receipt names
the digest of the record it is for, so record and receipt together are checked offline.
"""

import hashlib
from typing import Annotated, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta, Struct

from sayso.consent.errors import ConsentError
from sayso.consent.records import canonical, convert
from sayso.protocol.errors import SignatureError
from sayso.protocol.ids import Bytes16, Bytes32, Bytes64, KeyDigest
from sayso.protocol.signing import Purpose, sign, verify

Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]


class Receipt(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The server's word that it took a consent, or that it erased everything."""

    schema_version: Literal["sayso-receipt-1"] = "sayso-receipt-1"
    event: Literal["given", "withdrawn"]
    record_id: Bytes16
    record_sha256: Bytes32
    """Digest of the consent record (`given`) or of the withdrawal (`withdrawn`), in RFC 8785 form."""
    server_key: Bytes32
    device: Bytes16
    policy_sha256: Bytes32
    on: Day
    """UTC day by the server's clock."""
    outlives: Annotated[tuple[Annotated[str, Meta(max_length=200)], ...], Meta(max_length=8)] = ()
    """What the server still holds after an erasure, and how long at most."""


class _Signed(Struct, frozen=True, forbid_unknown_fields=True):
    receipt: Receipt
    signature: Bytes64


def sign_receipt(receipt: Receipt, key: Ed25519PrivateKey) -> dict[str, object]:
    """Sign a receipt with the server's receipt key. Returns the document, ready for JSON."""
    signature = sign(
        key, _purpose(receipt), server=KeyDigest(receipt.server_key), device=receipt.device, body=canonical(receipt)
    )
    document: dict[str, object] = msgspec.to_builtins(_Signed(receipt, signature))
    return document


def read_receipt(document: dict[str, object], *, receipt_key: bytes, other_key: bytes | None = None) -> Receipt:
    """Check a receipt's signature against the receipt key of the statement.

    Args:
        document: as it came.
        receipt_key: of the statement.
        other_key: the statement's other receipt key, while two overlap.

    Raises:
        ConsentError: malformed or forged.
    """
    try:
        signed = convert(document, _Signed, "receipt")
        receipt = signed.receipt
        verify(
            receipt_key,
            signed.signature,
            _purpose(receipt),
            server=receipt.server_key,
            device=receipt.device,
            body=canonical(receipt),
            or_by=other_key,
        )
    except SignatureError as error:
        raise ConsentError("the receipt is not signed by the server's receipt key") from error
    return receipt


def receipt_digest(receipt: Receipt) -> bytes:
    """Return what the server keeps of a receipt: 32 bytes."""
    return hashlib.sha256(canonical(receipt)).digest()


_PURPOSES: Final = {"given": Purpose.RECEIPT, "withdrawn": Purpose.WITHDRAWAL_RECEIPT}


def _purpose(receipt: Receipt) -> Purpose:
    return _PURPOSES[receipt.event]
