"""Bytes sealed under a passphrase."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayso.protocol.errors import PassphraseError
from sayso.protocol.passphrase import (
    CHEAPEST,
    NONCE_BYTES,
    SALT_BYTES,
    STANDARD,
    Cost,
    derive,
    open_sealed,
    seal,
    unseal,
)
from scripts.vector_cast import seed
from tests.fuzz.vectors import vectors

SALT, NONCE = seed("salt", SALT_BYTES), seed("nonce", NONCE_BYTES)
SEALED = seal(b"a secret", "pass", salt=SALT, nonce=NONCE, cost=CHEAPEST)
COST_AT = 15


def with_cost(memory: int, passes: int, lanes: int) -> bytes:
    return SEALED[:COST_AT] + struct.pack(">III", memory, passes, lanes) + SEALED[COST_AT + 12 :]


def test_it_is_that_of_the_vectors() -> None:
    stored = vectors("passphrase")
    assert open_sealed(bytes.fromhex(stored["sealed"]), stored["passphrase"]).hex() == stored["plaintext"]


def test_argon2id_is_that_of_the_reference_implementation() -> None:
    """A line of the Argon2 authors' own test program: version 0x13, two passes over 64 MiB in one lane."""
    expected = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
    assert derive("password", b"somesalt", Cost((64 * 1024, 2, 1))).hex() == expected


def test_a_file_is_sealed_with_the_second_recommendation_of_rfc_9106_unless_told_otherwise() -> None:
    assert STANDARD == (64 * 1024, 3, 4)
    sealed = seal(b"", "pass", salt=SALT, nonce=NONCE)
    assert struct.unpack_from(">III", sealed, COST_AT) == STANDARD
    assert open_sealed(sealed, "pass") == b""


def test_the_layout_is_the_documented_one() -> None:
    head = b"sayso-sealed-1\0" + struct.pack(">III", *CHEAPEST) + SALT + NONCE
    assert SEALED.startswith(head)
    assert len(SEALED) == len(head) + len(b"a secret") + 16


@settings(max_examples=15)
@given(st.binary(max_size=200), st.text(st.characters(codec="utf-8"), max_size=20))
def test_what_is_sealed_is_opened(plaintext: bytes, passphrase: str) -> None:
    assert open_sealed(seal(plaintext, passphrase, salt=SALT, nonce=NONCE, cost=CHEAPEST), passphrase) == plaintext


@pytest.mark.parametrize("passphrase", ["", "Pass", "pass ", "pass\0", "\ud800"])
def test_another_passphrase_does_not_open(passphrase: str) -> None:
    with pytest.raises(PassphraseError, match="wrong passphrase"):
        open_sealed(SEALED, passphrase)


@pytest.mark.parametrize("at", [COST_AT + 12, COST_AT + 12 + SALT_BYTES, -17, -1])
def test_a_flipped_bit_in_salt_nonce_ciphertext_or_tag_is_noticed(at: int) -> None:
    damaged = bytearray(SEALED)
    damaged[at] ^= 1
    with pytest.raises(PassphraseError, match="damaged"):
        open_sealed(bytes(damaged), "pass")


@pytest.mark.parametrize(
    "data", [b"", b"sayso-sealed-1", SEALED[:54], b"x" + SEALED[1:], SEALED[:14] + b"\n" + SEALED[15:]]
)
def test_what_is_no_sealed_file_is_refused(data: bytes) -> None:
    with pytest.raises(PassphraseError, match="not a file sealed by Sayso"):
        open_sealed(data, "pass")


def test_a_head_without_a_body_is_damaged() -> None:
    with pytest.raises(PassphraseError, match="damaged"):
        open_sealed(SEALED[:55], "pass")


@pytest.mark.parametrize(
    "cost", [(0, 1, 1), (2**20 + 1, 1, 1), (8192, 0, 1), (8192, 33, 1), (8192, 1, 0), (8192, 1, 17), (2**32 - 1,) * 3]
)
def test_a_planted_file_cannot_eat_the_machine(cost: tuple[int, int, int]) -> None:
    with pytest.raises(PassphraseError, match="out of range"):
        open_sealed(with_cost(*cost), "pass")


@pytest.mark.parametrize("cost", [(8192, 2, 1), (8192, 1, 2), (9000, 1, 1), (8, 1, 1), (1, 1, 1), (64, 1, 16)])
def test_costs_are_authenticated(cost: tuple[int, int, int]) -> None:
    """Including some that Argon2id refuses by itself (fewer than 8 KiB for each lane)."""
    with pytest.raises(PassphraseError, match="damaged"):
        open_sealed(with_cost(*cost), "pass")


def test_what_was_opened_can_be_sealed_again_without_the_passphrase() -> None:
    content, key = unseal(SEALED, "pass")
    assert content == b"a secret"
    again = key.seal(b"another secret", nonce=b"n" * NONCE_BYTES)
    assert open_sealed(again, "pass") == b"another secret"
    with pytest.raises(PassphraseError):
        open_sealed(again, "another pass")
