"""The server's statement."""

import base64
import json
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from sayso.protocol.errors import StatementError
from sayso.protocol.ids import KeyDigest, key_digest
from sayso.protocol.signing import NO_DEVICE, Purpose, sign
from sayso.protocol.statement import MAX_BYTES, Epoch, Statement, read_statement, sign_statement
from scripts.vector_cast import CERTIFICATE_KEY, LONG_TERM, SERVER, STATEMENT, signing_key
from tests.fuzz.vectors import vectors

DOCUMENT = sign_statement(STATEMENT, LONG_TERM)


def inner() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DOCUMENT)["statement"]
    return found


def signed(statement: dict[str, Any], purpose: Purpose = Purpose.STATEMENT) -> bytes:
    """A statement with any members, under a signature that is right for it."""
    signature = sign(LONG_TERM, purpose, server=SERVER, device=NO_DEVICE, body=rfc8785.dumps(statement))
    return json.dumps({"statement": statement, "signature": base64.b64encode(signature).decode()}).encode()


def test_it_is_that_of_the_vectors() -> None:
    stored = vectors("statement")
    assert DOCUMENT.decode() == stored["document"]
    statement, digest = read_statement(DOCUMENT, pinned=SERVER)
    assert statement == STATEMENT
    assert digest.hex() == stored["digest"]


def test_the_way_it_is_written_does_not_matter_but_what_it_says() -> None:
    pretty = json.dumps(json.loads(DOCUMENT), indent=4).encode()
    assert read_statement(pretty, pinned=SERVER) == read_statement(DOCUMENT, pinned=SERVER)


def test_unknown_members_are_covered_by_the_signature_and_otherwise_ignored() -> None:
    newer = signed({**inner(), "certificate_log": {"tree": 5, "root": [1.5, None, "\u00e9"]}})
    statement, digest = read_statement(newer, pinned=SERVER)
    assert statement == STATEMENT
    assert digest != read_statement(DOCUMENT, pinned=SERVER)[1]
    with pytest.raises(StatementError, match="not signed"):
        read_statement(newer.replace(b'"tree": 5', b'"tree": 6'), pinned=SERVER)


def test_another_long_term_key_is_another_server() -> None:
    with pytest.raises(StatementError, match="another one"):
        read_statement(DOCUMENT, pinned=KeyDigest(bytes(32)))


def test_a_server_that_shows_its_key_but_cannot_sign_is_refused() -> None:
    forged = sign_statement(STATEMENT, signing_key("a thief"))
    with pytest.raises(StatementError, match="not signed"):
        read_statement(forged, pinned=SERVER)


def test_a_signature_for_another_purpose_is_none() -> None:
    with pytest.raises(StatementError, match="not signed"):
        read_statement(signed(inner(), Purpose.RECEIPT), pinned=SERVER)


@pytest.mark.parametrize("member", sorted(msgspec.to_builtins(STATEMENT)))
def test_no_member_may_be_missing_or_changed(member: str) -> None:
    statement = inner()
    other: Any = {"version": 1.5, "limits": {"body_bytes": 1}}.get(member, "AAAA")
    unsigned = json.dumps({"statement": {**statement, member: other}, "signature": json.loads(DOCUMENT)["signature"]})
    with pytest.raises(StatementError):
        read_statement(unsigned.encode(), pinned=SERVER)
    del statement[member]
    with pytest.raises(StatementError, match="malformed"):
        read_statement(signed(statement), pinned=SERVER)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("version", 2),
        ("epochs", []),
        ("epochs", [{"epoch": number, "voprf_key": "A" * 43 + "="} for number in (1, 2, 3)]),
        ("epochs", [{"epoch": 256, "voprf_key": "A" * 43 + "="}]),
        ("registrar_key", "A" * 1620),
        ("registrar_key_id", 2**32),
        ("stream", "https://chat.example"),
        ("stream", "wss://"),
        ("stream", "wss://chat.example/\n"),
        ("stream", "wss://chat example"),
        ("stream", "wss://ch\u00e4t.example"),
        ("stream", "wss://" + "a" * 250),
        ("policy", {"version": "v" * 33, "sha256": "A" * 43 + "="}),
        ("policy", {"version": "1"}),
        ("limits", {"body_bytes": "many"}),
        ("limits", {"body_bytes": 1.5}),
    ],
    ids=str,
)
def test_bounds_hold_even_when_signed(member: str, value: object) -> None:
    with pytest.raises(StatementError, match="malformed"):
        read_statement(signed({**inner(), member: value}), pinned=SERVER)


@pytest.mark.parametrize("stream", ["ws://127.0.0.1:8081/v1/stream", "wss://[::1]:1/", "wss://" + "a" * 249])
def test_stream_addresses_are_taken(stream: str) -> None:
    assert read_statement(signed({**inner(), "stream": stream}), pinned=SERVER)[0].stream == stream


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"[" * 10_000,
        b'{"statement":{},"signature":""}',
        b'{"statement":{"a":"\\ud800"},"signature":""}',
        b'{"statement":{"a":1e400},"signature":""}',
        b'{"statement":{"\xff":1},"signature":""}',
        DOCUMENT + b"x",
        DOCUMENT[:-1] + b',"more":1}',
        DOCUMENT.replace(b'"version":1', b'"version":1,"big":9007199254740993'),
    ],
    ids=lambda document: document[:30].decode("latin-1"),
)
def test_documents_that_are_none_are_refused(document: bytes) -> None:
    with pytest.raises(StatementError, match="malformed"):
        read_statement(document, pinned=SERVER)


def test_64_kib_are_read_and_one_byte_more_is_not() -> None:
    assert read_statement(DOCUMENT.ljust(MAX_BYTES), pinned=SERVER)[0] == STATEMENT
    with pytest.raises(StatementError, match="64 KiB"):
        read_statement(DOCUMENT.ljust(MAX_BYTES + 1), pinned=SERVER)


def test_the_last_of_two_members_of_one_name_counts_for_meaning_and_signature_alike() -> None:
    """Where two parsers disagree on duplicates, a signature over one reading must not carry the other."""
    twice = DOCUMENT.replace(b'{"statement":{', b'{"statement":{"registrar_key_id":9,')
    statement, _ = read_statement(twice, pinned=SERVER)
    assert statement.registrar_key_id == STATEMENT.registrar_key_id
    with pytest.raises(StatementError, match="not signed"):
        read_statement(
            DOCUMENT.replace(b'"registrar_key_id":3', b'"registrar_key_id":3,"registrar_key_id":9'), pinned=SERVER
        )


def test_a_statement_must_carry_the_key_it_is_signed_with() -> None:
    odd = msgspec.structs.replace(STATEMENT, server_key=CERTIFICATE_KEY.public_key().public_bytes_raw())
    document = sign_statement(odd, LONG_TERM)
    with pytest.raises(StatementError, match="not signed"):
        read_statement(document, pinned=key_digest(odd.server_key))


@given(st.text('{}[]",:01ae\\ \u00e9', max_size=60))
def test_any_text_is_refused_in_one_way(text: str) -> None:
    with pytest.raises(StatementError):
        read_statement(text.encode(), pinned=SERVER)


def test_what_is_read_is_of_the_documented_type() -> None:
    statement, digest = read_statement(DOCUMENT, pinned=SERVER)
    assert isinstance(statement, Statement)
    assert len(digest) == 32


def test_without_an_overlap_there_is_one_key_of_each_kind() -> None:
    assert STATEMENT.certificate_keys == (STATEMENT.certificate_key,)
    assert STATEMENT.receipt_keys == (STATEMENT.receipt_key,)
    assert not {"other_certificate_key", "other_receipt_key"} & inner().keys()


def test_both_keys_and_both_epochs_of_an_overlap_are_read() -> None:
    epochs = [Epoch(2, b"v" * 32), *STATEMENT.epochs]
    overlapping = msgspec.structs.replace(
        STATEMENT, epochs=epochs, other_certificate_key=b"c" * 32, other_receipt_key=b"r" * 32
    )
    statement, _ = read_statement(sign_statement(overlapping, LONG_TERM), pinned=SERVER)
    assert statement == overlapping
    assert statement.certificate_keys == (STATEMENT.certificate_key, b"c" * 32)
    assert statement.receipt_keys == (STATEMENT.receipt_key, b"r" * 32)
    assert statement.epoch_of(b"\x02" + bytes(32)) == epochs[0]
    assert statement.epoch_of(b"\xff" + bytes(32)) is None


def test_an_epoch_is_named_once() -> None:
    twice = msgspec.structs.replace(STATEMENT, epochs=[*STATEMENT.epochs, *STATEMENT.epochs])
    with pytest.raises(StatementError, match="twice"):
        read_statement(sign_statement(twice, LONG_TERM), pinned=SERVER)
