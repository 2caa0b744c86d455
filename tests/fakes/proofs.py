"""Proofs of a consent, true and false ones, from the fixed keys of the vectors."""

import hashlib
import json

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.proofs import Proof
from sayso.consent.receipts import Receipt, sign_receipt
from sayso.consent.records import ConsentRecord, Withdrawal, canonical, read_record, sign_record, sign_withdrawal
from sayso.protocol.statement import Statement, sign_statement
from scripts.vector_cast import ALICE, LONG_TERM, RECEIPT_KEY, RECORD, SERVER, STATEMENT

TAKEN_ON = "2026-09-21"
LEFT_ON = "2026-10-01"
OUTLIVES = ("keyed limiter record, at most 30 days",)
WITHDRAWAL = Withdrawal(
    record_id=RECORD.record_id, server_key=SERVER, device=RECORD.device, timestamp="2026-10-01T08:00:00Z"
)


def statement(says: Statement = STATEMENT, key: Ed25519PrivateKey = LONG_TERM) -> dict[str, object]:
    """A signed statement."""
    document: dict[str, object] = json.loads(sign_statement(says, key))
    return document


def given(record: ConsentRecord = RECORD, **changes: object) -> Receipt:
    """The receipt for a consent, not signed yet."""
    receipt = Receipt(
        event="given",
        record_id=record.record_id,
        record_sha256=read_record(sign_record(record, ALICE.key)).digest,
        server_key=record.server_key,
        device=record.device,
        policy_sha256=record.policy.sha256,
        on=TAKEN_ON,
    )
    return msgspec.structs.replace(receipt, **changes)


def withdrawn(withdrawal: Withdrawal = WITHDRAWAL, **changes: object) -> Receipt:
    """The receipt for a withdrawal, not signed yet."""
    digest = hashlib.sha256(canonical(withdrawal)).digest()
    left: dict[str, object] = {"event": "withdrawn", "record_sha256": digest, "on": LEFT_ON, "outlives": OUTLIVES}
    return given(RECORD, **(left | changes))


def proof(
    record: ConsentRecord = RECORD, receipt: Receipt | None = None, key: Ed25519PrivateKey = RECEIPT_KEY
) -> Proof:
    """The proof of a consent that holds."""
    return Proof(
        record=sign_record(record, ALICE.key),
        receipt=sign_receipt(receipt or given(record), key),
        statement=statement(),
    )


def proof_of_leaving(withdrawal: Withdrawal = WITHDRAWAL, receipt: Receipt | None = None) -> Proof:
    """The proof of a consent that was withdrawn, and of the erasure."""
    return msgspec.structs.replace(
        proof(),
        withdrawal=sign_withdrawal(withdrawal, ALICE.key),
        withdrawal_receipt=sign_receipt(receipt or withdrawn(withdrawal), RECEIPT_KEY),
        withdrawal_statement=statement(),
    )
