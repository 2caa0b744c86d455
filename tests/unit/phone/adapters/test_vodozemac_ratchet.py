"""What is vodozemac's alone; the rest is in tests/contract/ratchet.py."""

import base64

import pytest

from sayso.phone.adapters.vodozemac_ratchet import VodozemacRatchet, _key_id
from sayso.phone.errors import RatchetError

KEY, OTHER = b"k" * 32, b"o" * 32


@pytest.mark.parametrize("length", [0, 31, 33])
def test_the_pickle_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        VodozemacRatchet(bytes(length))


def test_states_open_under_their_own_key_only() -> None:
    ratchet = VodozemacRatchet(KEY)
    alice, bob = ratchet.new_account(), ratchet.new_account()
    ((_, key),) = bob.new_one_time_keys(1)
    session = alice.open_outbound(bob.curve25519, key)
    with pytest.raises(RatchetError):
        VodozemacRatchet(OTHER).load_account(alice.dump())
    with pytest.raises(RatchetError):
        VodozemacRatchet(OTHER).load_session(session.dump())


def test_states_show_no_identity_key() -> None:
    account = VodozemacRatchet(KEY).new_account()
    identity = base64.b64encode(account.curve25519).rstrip(b"=")
    assert identity not in account.dump()
    assert account.curve25519 not in base64.b64decode(account.dump() + b"==")


def test_key_ids_are_the_counter() -> None:
    account = VodozemacRatchet(KEY).new_account()
    assert [key_id for key_id, _ in account.new_one_time_keys(300)] == list(range(300))
    assert account.new_fallback_key()[0] == 0
    assert account.new_fallback_key()[0] == 1


@pytest.mark.parametrize("text", ["AAAA", "AAAAAAAAAAAAAA", ""])
def test_a_key_id_of_another_form(text: str) -> None:
    with pytest.raises(RatchetError, match="names its keys"):
        _key_id(text)
