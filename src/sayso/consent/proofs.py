"""Proofs: what one consent left behind, in one file that anybody can check without asking anyone.

A phone exports ``{"schema_version": "sayso-proofs-1", "proofs": [...]}``. A proof carries the signed consent record,
the server's receipt for it and the signed statement that names the receipt key; after opt-out the same for the no. Each
link is a signature: the server's long-term key, whose digest the record names (or the reader pins), signs the
statement; the statement's receipt key signs the receipt; the receipt names the digest of the record, which the device
signed.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from sayso.consent.errors import ConsentError
from sayso.consent.receipts import Receipt, read_receipt
from sayso.consent.records import ConsentRecord, VerifiedConsent, Withdrawal, canonical, read_record, read_withdrawal
from sayso.protocol.errors import StatementError
from sayso.protocol.ids import KeyDigest, same
from sayso.protocol.limits import KIB
from sayso.protocol.statement import Statement, read_statement

MAX_BYTES: Final = 4 * 1024 * KIB
"""Of a file of proofs."""
_CLOCKS: Final = timedelta(days=1)
"""A receipt has the server's day, the reader another clock, and the world time zones."""

_Document = dict[str, object]


class Proof(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What one consent left behind; each document as it was signed."""

    record: _Document
    receipt: _Document
    statement: _Document
    """The statement whose receipt key signed `receipt`."""
    withdrawal: _Document | None = None
    withdrawal_receipt: _Document | None = None
    withdrawal_statement: _Document | None = None


class Proofs(Struct, frozen=True, kw_only=True):
    """The file; what stands in it beside this is not read."""

    proofs: Annotated[list[Proof], Meta(max_length=1000)]
    schema_version: Literal["sayso-proofs-1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What a proof shows, once everything in it has been checked."""

    record: ConsentRecord
    taken_on: str
    """UTC day by the server's clock."""
    withdrawn_at: str | None
    """When the no was given, by the phone's clock; None while the consent holds."""
    erased_on: str | None
    """UTC day on which the server signed that it had erased everything."""
    outlives: tuple[str, ...]
    """What the server said it still held then."""


def read_proofs(content: bytes) -> list[Proof]:
    """Read a file of proofs; nothing in it is checked yet.

    Raises:
        ConsentError: it is no such file.
    """
    if len(content) > MAX_BYTES:
        raise ConsentError("a file of receipts has at most 4 MiB; this one is something else")
    try:
        return msgspec.json.decode(content, type=Proofs).proofs
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ConsentError(
            "this is no file of receipts; `sayso phone receipts --export` and `sayso phone export` write them"
        ) from error


def check_proof(proof: Proof, *, today: date, pinned: KeyDigest | None = None) -> Proved:
    """Check every signature of a proof, and that its parts are about each other.

    Args:
        proof: from `read_proofs`.
        today: UTC day, to refuse what is dated in the future.
        pinned: digest of the long-term key of the server that the reader means; None: the one in the record.

    Raises:
        ConsentError: forged, about another server or consent, or dated in the future. The sentence says which.
    """
    consent = read_record(proof.record)
    record = consent.record
    if pinned is not None and not same(record.server_key, pinned):
        raise ConsentError("this consent was given to another server than the one whose key you named")
    stated = _statement(proof.statement, record)
    receipt = read_receipt(proof.receipt, receipt_key=stated.receipt_key, other_key=stated.other_receipt_key)
    _check(receipt, "given", consent, consent.digest, today)
    withdrawal = None if proof.withdrawal is None else _withdrawal(proof.withdrawal, record)
    erased = _erased(proof, withdrawal, consent, today)
    return Proved(
        record=record,
        taken_on=receipt.on,
        withdrawn_at=None if withdrawal is None else withdrawal.timestamp,
        erased_on=None if erased is None else erased.on,
        outlives=() if erased is None else erased.outlives,
    )


def _erased(proof: Proof, withdrawal: Withdrawal | None, consent: VerifiedConsent, today: date) -> Receipt | None:
    if proof.withdrawal_receipt is None:
        return None
    if withdrawal is None or proof.withdrawal_statement is None:
        raise ConsentError("a receipt for a withdrawal comes with the withdrawal and the server's statement")
    stated = _statement(proof.withdrawal_statement, consent.record)
    receipt = read_receipt(proof.withdrawal_receipt, receipt_key=stated.receipt_key, other_key=stated.other_receipt_key)
    _check(receipt, "withdrawn", consent, hashlib.sha256(canonical(withdrawal)).digest(), today)
    return receipt


def _statement(statement: _Document, record: ConsentRecord) -> Statement:
    try:
        read, _ = read_statement(msgspec.json.encode(statement), pinned=KeyDigest(record.server_key))
    except (StatementError, UnicodeEncodeError) as error:
        raise ConsentError(
            "the statement in the file is not signed by the key of the server that the consent names"
        ) from error
    return read


def _withdrawal(document: _Document, record: ConsentRecord) -> Withdrawal:
    withdrawal = read_withdrawal(document, device_key=record.device_key)
    if (withdrawal.record_id, withdrawal.server_key, withdrawal.device) != (
        record.record_id,
        record.server_key,
        record.device,
    ):
        raise ConsentError("the withdrawal is for another consent than the one beside it")
    return withdrawal


def _check(receipt: Receipt, event: str, consent: VerifiedConsent, digest: bytes, today: date) -> None:
    record = consent.record
    said = (receipt.event, receipt.record_id, receipt.record_sha256, receipt.server_key, receipt.device)
    if said != (event, record.record_id, digest, record.server_key, record.device):
        raise ConsentError("the receipt is for another consent or server than the one beside it")
    if receipt.policy_sha256 != record.policy.sha256:
        raise ConsentError("the receipt is for another policy than the one that was agreed to")
    try:
        on = date.fromisoformat(receipt.on)
    except ValueError as error:
        raise ConsentError("the receipt is dated on a day that does not exist") from error
    if on > today + _CLOCKS:
        raise ConsentError("the receipt is dated in the future: set this machine's clock, or do not trust the receipt")
