"""Keys and comparison of PINs on the server."""

from sayso.protocol.pin import verifier_of
from sayso.server.core.pin import HeldPin, pin_fits, pin_key


def test_each_salt_and_each_server_has_a_key_of_its_own() -> None:
    keys = {pin_key(secret, salt) for secret in (b"s" * 32, b"t" * 32) for salt in (b"1" * 16, b"2" * 16)}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
    assert pin_key(b"s" * 32, b"1" * 16) == pin_key(b"s" * 32, b"1" * 16)


def test_only_the_proof_of_the_verifier_fits() -> None:
    verifier = verifier_of(b"p" * 32)
    assert pin_fits(b"p" * 32, verifier)
    assert not pin_fits(b"q" * 32, verifier)
    assert not pin_fits(verifier, verifier), "who steals a verifier cannot show it"


def test_a_held_pin_is_what_was_put_in() -> None:
    pin = HeldPin(salt=b"s" * 16, verifier=b"v" * 32, tries_left=10, own_tries_left=9)
    assert (pin.tries_left, pin.own_tries_left) == (10, 9)
