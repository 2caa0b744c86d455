"""Proofs: what a consent left behind, checked without asking anyone."""

from collections.abc import Callable
from datetime import date

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.errors import ConsentError
from sayso.consent.proofs import MAX_BYTES, Proof, Proofs, check_proof, read_proofs
from sayso.consent.receipts import sign_receipt
from sayso.protocol.ids import KeyDigest, key_digest
from sayso.protocol.statement import Policy
from scripts.vector_cast import LONG_TERM, RECEIPT_KEY, RECORD, SERVER, STATEMENT
from tests.fakes.proofs import (
    LEFT_ON,
    OUTLIVES,
    TAKEN_ON,
    WITHDRAWAL,
    given,
    proof,
    proof_of_leaving,
    statement,
    withdrawn,
)

TODAY = date(2026, 11, 22)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"x" * 32)


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def but(made: Proof, **changes: object) -> Proof:
    return msgspec.structs.replace(made, **changes)


def test_a_consent_that_was_taken_is_proved() -> None:
    proved = check_proof(proof(), today=TODAY)
    assert (proved.record, proved.taken_on) == (RECORD, TAKEN_ON)
    assert (proved.withdrawn_at, proved.erased_on, proved.outlives) == (None, None, ())
    assert check_proof(proof(), today=TODAY, pinned=SERVER) == proved


def test_a_withdrawal_and_the_erasure_are_proved() -> None:
    proved = check_proof(proof_of_leaving(), today=TODAY)
    assert (proved.withdrawn_at, proved.erased_on, proved.outlives) == (WITHDRAWAL.timestamp, LEFT_ON, OUTLIVES)


def test_a_withdrawal_that_no_server_confirmed_is_no_erasure() -> None:
    proved = check_proof(but(proof_of_leaving(), withdrawal_receipt=None, withdrawal_statement=None), today=TODAY)
    assert (proved.withdrawn_at, proved.erased_on) == (WITHDRAWAL.timestamp, None)


def test_a_receipt_by_the_other_key_of_an_overlap_holds() -> None:
    overlapping = msgspec.structs.replace(
        STATEMENT, receipt_key=public(STRANGER), other_receipt_key=public(RECEIPT_KEY)
    )
    assert check_proof(but(proof(), statement=statement(overlapping)), today=TODAY).taken_on == TAKEN_ON


def forged_statement() -> dict[str, object]:
    """A statement that names the stranger's receipt key, signed by the stranger as if it were the server."""
    return statement(msgspec.structs.replace(STATEMENT, receipt_key=public(STRANGER)), STRANGER)


def strangers_statement() -> dict[str, object]:
    """A whole server of the stranger's."""
    keys = {"server_key": public(STRANGER), "receipt_key": public(STRANGER)}
    return statement(msgspec.structs.replace(STATEMENT, **keys), STRANGER)


def tampered_record() -> Proof:
    document = proof().record
    record = {**document["record"], "findable": "nobody"}  # type: ignore[dict-item]  # a JSON object
    return but(proof(), record={**document, "record": record})


OTHER_RECORD = msgspec.structs.replace(RECORD, record_id=b"o" * 16)
OTHER_POLICY = msgspec.structs.replace(RECORD, policy=Policy("0", b"0" * 32))
OTHER_WITHDRAWAL = msgspec.structs.replace(WITHDRAWAL, record_id=b"o" * 16)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (tampered_record, "not signed by its device"),
        (lambda: proof(key=STRANGER), "not signed by the server's receipt key"),
        (lambda: but(proof(key=STRANGER), statement=forged_statement()), "statement in the file is not signed"),
        (lambda: but(proof(key=STRANGER), statement=strangers_statement()), "statement in the file is not signed"),
        (lambda: but(proof(), statement={}), "statement in the file is not signed"),
        (lambda: but(proof(), statement={"statement": "\ud800", "signature": ""}), "statement in the file"),
        (lambda: proof(receipt=given(OTHER_RECORD)), "for another consent or server"),
        (lambda: proof(receipt=given(server_key=key_digest(public(STRANGER)))), "for another consent or server"),
        (lambda: proof(receipt=withdrawn()), "for another consent or server"),
        (lambda: proof(receipt=given(policy_sha256=b"0" * 32)), "another policy than the one that was agreed to"),
        (lambda: proof(OTHER_POLICY, receipt=given()), "for another consent or server"),
        (lambda: proof(receipt=given(on="2026-11-24")), "dated in the future"),
        (lambda: proof(receipt=given(on="2026-02-31")), "a day that does not exist"),
        (lambda: proof_of_leaving(OTHER_WITHDRAWAL), "withdrawal is for another consent"),
        (lambda: proof_of_leaving(receipt=given()), "for another consent or server"),
        (lambda: but(proof_of_leaving(), withdrawal=None), "comes with the withdrawal"),
        (lambda: but(proof_of_leaving(), withdrawal_statement=None), "comes with the withdrawal"),
        (lambda: but(proof(), receipt={"receipt": {}}), "malformed"),
        (lambda: but(proof(), receipt={**proof().receipt, "remark": "genuine"}), "malformed"),
    ],
)
def test_what_does_not_hold_is_refused_in_a_sentence(make: Callable[[], Proof], why: str) -> None:
    with pytest.raises(ConsentError, match=why):
        check_proof(make(), today=TODAY)


def test_a_receipt_of_another_server_than_the_pinned_one_is_refused() -> None:
    with pytest.raises(ConsentError, match="given to another server"):
        check_proof(proof(), today=TODAY, pinned=KeyDigest(b"z" * 32))


def test_a_receipt_of_tomorrow_is_the_other_side_of_the_world() -> None:
    assert check_proof(proof(receipt=given(on="2026-11-23")), today=TODAY).taken_on == "2026-11-23"


def test_a_file_comes_back_as_it_was_written() -> None:
    written = Proofs(proofs=[proof(), proof_of_leaving()], schema_version="sayso-proofs-1")
    content = msgspec.json.encode(written)
    assert msgspec.json.encode(Proofs(proofs=read_proofs(content), schema_version="sayso-proofs-1")) == content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"proofs":[],"schema_version":"sayso-proofs-2"}',
        b'{"proofs":[{"record":{}}],"schema_version":"sayso-proofs-1"}',
        b'{"proofs":[{"record":{},"receipt":{},"statement":{},"note":1}],"schema_version":"sayso-proofs-1"}',
    ],
)
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(ConsentError, match="no file of receipts"):
        read_proofs(content)


def test_a_huge_file_is_not_read() -> None:
    with pytest.raises(ConsentError, match="at most 4 MiB"):
        read_proofs(b" " * (MAX_BYTES + 1))


def test_the_statement_is_the_long_term_keys_own() -> None:
    assert key_digest(public(LONG_TERM)) == RECORD.server_key
    assert sign_receipt(given(), RECEIPT_KEY) == proof().receipt
