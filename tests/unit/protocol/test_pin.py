"""From a PIN to its verifier."""

import pytest
from voprf.ristretto import Evaluator

from sayso.protocol.errors import PinError
from sayso.protocol.passphrase import CHEAPEST
from sayso.protocol.pin import pin_input, prove, verifier_of
from sayso.protocol.tokens import Blinded, evaluate, public_key
from tests.fuzz.vectors import vectors

SEED = b"k" * 32


@pytest.mark.parametrize("pin", ["", "123", "1" * 21, "12a4", "\uff11\uff12\uff13\uff14", "1234\n", " 1234"])
def test_what_is_no_pin_is_refused(pin: str) -> None:
    with pytest.raises(PinError, match="4 to 20 digits"):
        pin_input(pin)


def test_blinded_and_direct_evaluation_agree() -> None:
    blinded = Blinded([pin_input("4711")])
    (output,) = blinded.finish(evaluate(SEED, blinded.elements), public_key=public_key(SEED))
    assert output == Evaluator(SEED).evaluate_known_input(pin_input("4711"))


def test_pin_key_and_salt_all_count() -> None:
    def verifier(pin: str, seed: bytes, salt: bytes) -> bytes:
        return verifier_of(prove(Evaluator(seed).evaluate_known_input(pin_input(pin)), salt, CHEAPEST))

    salt = b"s" * 16
    all_of_them = {
        verifier("4711", SEED, salt),
        verifier("4712", SEED, salt),
        verifier("4711", b"l" * 32, salt),
        verifier("4711", SEED, b"t" * 16),
    }
    assert len(all_of_them) == 4
    assert verifier("4711", SEED, salt) in all_of_them


def test_the_vectors() -> None:
    for entry in vectors("pin")["pins"]:
        output = Evaluator(bytes.fromhex(entry["seed"])).evaluate_known_input(pin_input(entry["pin"]))
        assert output.hex() == entry["output"]
        proof = prove(output, bytes.fromhex(entry["salt"]))
        assert proof.hex() == entry["proof"]
        assert verifier_of(proof).hex() == entry["verifier"]
