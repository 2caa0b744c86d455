"""Receipts: the server's word for a consent and for its withdrawal."""

import hashlib
from typing import Any, Literal

import msgspec
import pytest

from sayso.consent.errors import ConsentError
from sayso.consent.receipts import Receipt, read_receipt, receipt_digest, sign_receipt
from sayso.consent.records import canonical, read_record, sign_record
from sayso.protocol.signing import Purpose, sign
from scripts.vector_cast import ALICE, CERTIFICATE_KEY, RECEIPT_KEY, RECORD, SERVER
from tests.fuzz.vectors import vectors

KEY = RECEIPT_KEY.public_key().public_bytes_raw()
STORED = vectors("consent")
GIVEN = Receipt(
    event="given",
    record_id=RECORD.record_id,
    record_sha256=read_record(sign_record(RECORD, ALICE.key)).digest,
    server_key=SERVER,
    device=ALICE.device,
    policy_sha256=RECORD.policy.sha256,
    on="2026-09-21",
)


def document(**changes: object) -> dict[str, Any]:
    signed: dict[str, Any] = sign_receipt(GIVEN, RECEIPT_KEY)
    return {**signed, "receipt": {**signed["receipt"], **changes}}


def test_they_are_those_of_the_vectors() -> None:
    assert read_receipt(STORED["receipt_given"]["document"], receipt_key=KEY) == GIVEN
    assert canonical(GIVEN).decode() == STORED["receipt_given"]["signed"]
    withdrawn = read_receipt(STORED["receipt_withdrawn"]["document"], receipt_key=KEY)
    assert (withdrawn.event, withdrawn.outlives) == ("withdrawn", ("keyed limiter record, at most 30 days",))
    assert bytes.fromhex(STORED["receipt_key"]) == KEY


def test_record_and_receipt_are_checked_together_without_a_server() -> None:
    record = read_record(STORED["record"]["document"])
    receipt = read_receipt(STORED["receipt_given"]["document"], receipt_key=KEY)
    assert receipt.record_sha256 == record.digest == hashlib.sha256(STORED["record"]["signed"].encode()).digest()


def test_its_digest_is_over_its_canonical_form() -> None:
    assert receipt_digest(GIVEN) == hashlib.sha256(canonical(GIVEN)).digest()


@pytest.mark.parametrize("event", ["given", "withdrawn"])
def test_a_receipt_for_one_event_is_none_for_the_other(event: Literal["given", "withdrawn"]) -> None:
    purpose = {"given": Purpose.WITHDRAWAL_RECEIPT, "withdrawn": Purpose.RECEIPT}[event]
    receipt = msgspec.structs.replace(GIVEN, event=event)
    assert read_receipt(sign_receipt(receipt, RECEIPT_KEY), receipt_key=KEY).event == event
    signature = sign(RECEIPT_KEY, purpose, server=SERVER, device=ALICE.device, body=canonical(receipt))
    with pytest.raises(ConsentError, match="not signed by the server"):
        read_receipt(
            {"receipt": msgspec.to_builtins(receipt), "signature": msgspec.to_builtins(signature)}, receipt_key=KEY
        )


def test_only_the_receipt_key_signs_receipts() -> None:
    with pytest.raises(ConsentError, match="not signed by the server"):
        read_receipt(sign_receipt(GIVEN, CERTIFICATE_KEY), receipt_key=KEY)
    with pytest.raises(ConsentError, match="not signed by the server"):
        read_receipt(document(), receipt_key=b"")


@pytest.mark.parametrize("member", sorted(document()["receipt"]))
def test_no_member_may_be_changed(member: str) -> None:
    changed: object = {"event": "withdrawn", "on": "2026-09-22", "outlives": ["everything"]}.get(member, "A" * 43 + "=")
    with pytest.raises(ConsentError):
        read_receipt(document(**{member: changed}), receipt_key=KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"on": "2026-09-21\n"},
        {"on": "2026-9-21"},
        {"on": "\u0662\u0660\u0662\u0666-09-21"},
        {"outlives": ["o"] * 9},
        {"outlives": ["o" * 201]},
        {"event": "changed"},
        {"schema_version": "sayso-receipt-2"},
        {"more": 1},
        {"record_sha256": "AAAA"},
    ],
    ids=ascii,
)
def test_bounds_and_forms_are_kept(change: dict[str, object]) -> None:
    with pytest.raises(ConsentError, match="malformed"):
        read_receipt(document(**change), receipt_key=KEY)


def test_a_default_that_is_left_out_is_missing() -> None:
    for member in ("schema_version", "outlives"):
        receipt = document()
        del receipt["receipt"][member]
        with pytest.raises(ConsentError, match="not part of it"):
            read_receipt(receipt, receipt_key=KEY)


@pytest.mark.parametrize(
    "given", [{}, {"receipt": {}}, {**document(), "more": 1}, {**document(), "signature": "x"}], ids=str
)
def test_documents_that_are_none_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ConsentError, match="malformed"):
        read_receipt(given, receipt_key=KEY)
