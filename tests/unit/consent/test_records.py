"""Consent records and withdrawals."""

import json
from typing import Any

import msgspec
import pytest
import rfc8785

from sayso.consent.errors import ConsentError
from sayso.consent.records import Withdrawal, canonical, read_record, read_withdrawal, sign_record, sign_withdrawal
from sayso.protocol.signing import Purpose, sign
from scripts.vector_cast import ALICE, BOB, RECORD, SERVER
from tests.fuzz.vectors import vectors

WITHDRAWAL = Withdrawal(
    record_id=RECORD.record_id, server_key=SERVER, device=ALICE.device, timestamp="2026-10-01T08:00:00Z"
)
STORED = vectors("consent")


def document(**changes: object) -> dict[str, Any]:
    """A record with some members replaced, under the signature of the right one."""
    signed: dict[str, Any] = json.loads(json.dumps(sign_record(RECORD, ALICE.key)))
    return {**signed, "record": {**signed["record"], **changes}}


def signed_anew(record: dict[str, Any]) -> dict[str, object]:
    """Any members, under a signature that is right for them."""
    signature = sign(ALICE.key, Purpose.CONSENT, server=SERVER, device=ALICE.device, body=rfc8785.dumps(record))
    return {"record": record, "signature": msgspec.to_builtins(signature)}


def test_it_is_that_of_the_vectors() -> None:
    assert document() == STORED["record"]["document"]
    assert canonical(RECORD).decode() == STORED["record"]["signed"]
    consent = read_record(STORED["record"]["document"])
    assert consent.record == RECORD
    assert len(consent.digest) == 32


def test_what_is_signed_is_rfc_8785_of_the_document() -> None:
    """Sorted names, no blanks, and the digest over exactly that."""
    assert canonical(RECORD) == rfc8785.dumps(document()["record"])
    assert canonical(RECORD).startswith(b'{"device":"')
    assert list(json.loads(canonical(RECORD))) == sorted(document()["record"])


@pytest.mark.parametrize("member", sorted(document()["record"]))
def test_no_member_may_be_missing_or_changed(member: str) -> None:
    changed = {
        "findable": "nobody",
        "kind": "update-check",
        "timestamp": "2026-09-21T14:13:21Z",
        "server": "https://evil.example",
        "method": "told-so",
        "purposes": ["https://w3id.org/dpv#Marketing"],
        "personal_data": [],
        "policy": {"version": "2026-10", "sha256": "A" * 43 + "="},
    }.get(member, "A" * 43 + "=")
    with pytest.raises(ConsentError):
        read_record(document(**{member: changed}))
    record = document()["record"]
    del record[member]
    with pytest.raises(ConsentError):
        read_record(signed_anew(record))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("record_id", "AAAA"),
        ("schema_version", "sayso-consent-2"),
        ("kind", "marketing"),
        ("server", "ftp://chat.example"),
        ("server", "https://"),
        ("server", "https://chat.example\n"),
        ("server", "https://chat.example/ x"),
        ("server", "https://" + "a" * 250),
        ("purposes", []),
        ("purposes", ["p"] * 17),
        ("purposes", ["p" * 201]),
        ("personal_data", ["d"] * 17),
        ("timestamp", "2026-09-21T14:13:20Z\n"),
        ("timestamp", "2026-09-21T14:13:20+00:00"),
        ("timestamp", "2026-09-21 14:13:20Z"),
        ("timestamp", "\u0662\u0660\u0662\u0666-09-21T14:13:20Z"),
        ("timestamp", "\uff12026-09-21T14:13:20Z"),
        ("method", "m" * 65),
        ("findable", "friends"),
        ("policy", {"version": "1", "sha256": "AAAA"}),
        ("more", "x"),
    ],
    ids=ascii,
)
def test_bounds_and_forms_hold_even_when_signed(member: str, value: object) -> None:
    with pytest.raises(ConsentError, match="malformed"):
        read_record(signed_anew({**document()["record"], member: value}))


def test_nothing_unsigned_can_stand_in_a_record_that_verifies() -> None:
    """A member inside the policy is none of ours to read; a document that carries one would show what nobody signed."""
    policy = {**document()["record"]["policy"], "summary": "you agree to everything"}
    for record in (document(policy=policy), signed_anew({**document()["record"], "policy": policy})):
        with pytest.raises(ConsentError, match="not part of it"):
            read_record(record)


def test_a_default_that_is_left_out_is_missing() -> None:
    record = document()
    del record["record"]["schema_version"]
    with pytest.raises(ConsentError, match="not part of it"):
        read_record(record)


def test_another_base64_of_the_same_bytes_is_refused() -> None:
    record = document()
    assert record["signature"].endswith("==")
    record["signature"] = record["signature"][:-3] + "B=="
    with pytest.raises(ConsentError):
        read_record(record)


@pytest.mark.parametrize("name", ["CONSENT", "WITHDRAWAL", "RECEIPT", "LOGIN"])
def test_only_a_signature_for_consent_is_one(name: str) -> None:
    signature = sign(ALICE.key, Purpose[name], server=SERVER, device=ALICE.device, body=canonical(RECORD))
    given = {**document(), "signature": msgspec.to_builtins(signature)}
    if name == "CONSENT":
        assert read_record(given).record == RECORD
        return
    with pytest.raises(ConsentError, match="not signed by its device"):
        read_record(given)


def test_a_record_signed_by_another_device_is_refused() -> None:
    with pytest.raises(ConsentError, match="not signed"):
        read_record(sign_record(RECORD, BOB.key))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"record": {}},
        {"record": None, "signature": ""},
        {**document(), "more": 1},
        {**document(), "signature": "A" * 84},
        {**document(), "signature": None},
        document(method="\ud800"),
        document(**{"\ud800": 1}),
        document(more=2**60),
    ],
    ids=lambda given: ascii(sorted(given))[:40],
)
def test_documents_that_are_none_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ConsentError) as caught:
        read_record(given)
    assert caught.value.__cause__ is None


def test_a_document_nested_without_end_is_refused() -> None:
    deep: dict[str, object] = {}
    for _ in range(5000):
        deep = {"record": deep}
    with pytest.raises(ConsentError):
        read_record(deep)


def test_a_withdrawal_is_that_of_the_vectors() -> None:
    signed = sign_withdrawal(WITHDRAWAL, ALICE.key)
    assert signed == STORED["withdrawal"]["document"]
    assert canonical(WITHDRAWAL).decode() == STORED["withdrawal"]["signed"]
    assert read_withdrawal(signed, device_key=ALICE.ed25519) == WITHDRAWAL


def test_nobody_else_withdraws() -> None:
    with pytest.raises(ConsentError, match="not signed by its device"):
        read_withdrawal(sign_withdrawal(WITHDRAWAL, BOB.key), device_key=ALICE.ed25519)
    with pytest.raises(ConsentError, match="not signed by its device"):
        read_withdrawal(sign_withdrawal(WITHDRAWAL, ALICE.key), device_key=b"")


@pytest.mark.parametrize(
    "change",
    [{"more": 1}, {"timestamp": "now"}, {"record_id": "AAAA"}, {"device": "A" * 24}, {"server_key": None}],
    ids=str,
)
def test_a_withdrawal_in_another_form_is_refused(change: dict[str, object]) -> None:
    signed: dict[str, Any] = sign_withdrawal(WITHDRAWAL, ALICE.key)
    with pytest.raises(ConsentError):
        read_withdrawal({**signed, "withdrawal": {**signed["withdrawal"], **change}}, device_key=ALICE.ed25519)


def test_a_record_is_no_withdrawal_and_the_other_way_round() -> None:
    with pytest.raises(ConsentError, match="malformed"):
        read_withdrawal(document(), device_key=ALICE.ed25519)
    with pytest.raises(ConsentError, match="malformed"):
        read_record(sign_withdrawal(WITHDRAWAL, ALICE.key))
