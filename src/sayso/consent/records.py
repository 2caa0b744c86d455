"""The consent record and the withdrawal: JSON in RFC 8785 form, signed by the device (design.md §5.1, §5.6).

On the wire and on disk ``{"record": {...}, "signature": base64}`` and ``{"withdrawal": {...}, "signature": base64}``.
Member names follow ISO/IEC TS 27560 where it has one; purposes and data are terms of the W3C Data Privacy Vocabulary.
"""

import hashlib
from typing import Annotated, Final, Literal, TypeVar

import msgspec
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta, Struct

from sayso.consent.errors import ConsentError
from sayso.protocol.errors import SignatureError
from sayso.protocol.ids import Bytes16, Bytes32, Bytes64
from sayso.protocol.signing import Purpose, sign, verify
from sayso.protocol.statement import Policy

DPV: Final = "https://w3id.org/dpv#"
PD: Final = "https://w3id.org/dpv/pd#"
MESSAGING_PURPOSES: Final = (DPV + "CommunicationManagement", DPV + "IdentityVerification")
MESSAGING_DATA: Final = (PD + "TelephoneNumber", PD + "Contact", PD + "Communication")
UPDATE_PURPOSES: Final = (DPV + "MaintainTechnicalSecurity",)

_Term = Annotated[str, Meta(max_length=200)]
Timestamp = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")]


class ConsentRecord(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a person agreed to, for one line."""

    record_id: Bytes16
    schema_version: Literal["sayso-consent-1"] = "sayso-consent-1"
    kind: Literal["messaging", "update-check"]
    server: Annotated[str, Meta(max_length=255, pattern=r"^https?://[\x21-\x7e]+\Z")]
    """Where, as the person saw it: scheme, host, port."""
    server_key: Bytes32
    """SHA-256 of the server's long-term key."""
    policy: Policy
    purposes: Annotated[tuple[_Term, ...], Meta(min_length=1, max_length=16)]
    personal_data: Annotated[tuple[_Term, ...], Meta(max_length=16)]
    timestamp: Timestamp
    """UTC, by the phone's clock."""
    method: Annotated[str, Meta(max_length=64)]
    """How it was given: `command-line`, `settings-switch`, ..."""
    line: Bytes16
    """Random id of the line; nothing ties it to the SIM."""
    device: Bytes16
    device_key: Bytes32
    """Ed25519 key that signs this record."""
    findable: Literal["everyone", "nobody"]
    """Who may find the line: everyone who has the number, or nobody until it writes first."""


class Withdrawal(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A person's no, to a consent given before."""

    record_id: Bytes16
    server_key: Bytes32
    device: Bytes16
    timestamp: Timestamp


class _SignedRecord(Struct, frozen=True, forbid_unknown_fields=True):
    record: ConsentRecord
    signature: Bytes64


class _SignedWithdrawal(Struct, frozen=True, forbid_unknown_fields=True):
    withdrawal: Withdrawal
    signature: Bytes64


class VerifiedConsent:
    """A consent record whose signature has been checked. Made by `read_record` only; a `Gate` takes nothing less."""

    __slots__ = ("digest", "record")

    def __init__(self, signed: _SignedRecord) -> None:
        body = canonical(signed.record)
        record = signed.record
        try:
            verify(
                record.device_key,
                signed.signature,
                Purpose.CONSENT,
                server=record.server_key,
                device=record.device,
                body=body,
            )
        except SignatureError as error:
            raise ConsentError("the consent record is not signed by its device") from error
        self.record: Final = record
        self.digest: Final = hashlib.sha256(body).digest()


def canonical(document: Struct) -> bytes:
    """Return the RFC 8785 form of a document: what is signed and hashed."""
    return rfc8785.dumps(msgspec.to_builtins(document))


def sign_record(record: ConsentRecord, key: Ed25519PrivateKey) -> dict[str, object]:
    """Sign a record with the device's key. Returns the document, ready for JSON."""
    signature = sign(key, Purpose.CONSENT, server=record.server_key, device=record.device, body=canonical(record))
    return _document(_SignedRecord(record, signature))


def read_record(document: dict[str, object]) -> VerifiedConsent:
    """Check a signed record.

    Raises:
        ConsentError: malformed, or not signed by the device it names.
    """
    return VerifiedConsent(convert(document, _SignedRecord, "consent record"))


def sign_withdrawal(withdrawal: Withdrawal, key: Ed25519PrivateKey) -> dict[str, object]:
    """Sign a withdrawal with the device's key. Returns the document, ready for JSON."""
    signature = sign(
        key, Purpose.WITHDRAWAL, server=withdrawal.server_key, device=withdrawal.device, body=canonical(withdrawal)
    )
    return _document(_SignedWithdrawal(withdrawal, signature))


def read_withdrawal(document: dict[str, object], *, device_key: bytes) -> Withdrawal:
    """Check a signed withdrawal against the key of the device that it names.

    Raises:
        ConsentError: malformed, or not signed by that key.
    """
    signed = convert(document, _SignedWithdrawal, "withdrawal")
    withdrawal = signed.withdrawal
    try:
        verify(
            device_key,
            signed.signature,
            Purpose.WITHDRAWAL,
            server=withdrawal.server_key,
            device=withdrawal.device,
            body=canonical(withdrawal),
        )
    except SignatureError as error:
        raise ConsentError("the withdrawal is not signed by its device") from error
    return withdrawal


_StructT = TypeVar("_StructT", bound=Struct)


def convert(document: dict[str, object], struct: type[_StructT], what: str) -> _StructT:
    """Read a signed document, and refuse one that says more, less or otherwise than what its struct writes.

    Signatures are over the canonical form of the struct. A document that differs from it, by a member that a struct
    inside ignores, a default left out, another base64 of the same bytes, would show what nobody signed.

    Raises:
        ConsentError: malformed.
    """
    try:
        signed = msgspec.convert(document, struct)
        if rfc8785.dumps(document) != canonical(signed):  # type: ignore[arg-type]  # JSON values, or it raises
            raise ConsentError(f"the {what} holds something that is not part of it")
    except (msgspec.MsgspecError, rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
        # Not chained: msgspec quotes what it found.
        raise ConsentError(f"the {what} is malformed") from None
    return signed


def _document(signed: Struct) -> dict[str, object]:
    built: dict[str, object] = msgspec.to_builtins(signed)
    return built
