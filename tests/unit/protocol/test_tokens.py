"""Tokens: RFC 9497's vectors, ours, and hostile elements and proofs."""

import pytest
from voprf.ristretto import BlindedInput, Evaluator

from sayso.protocol import tokens
from sayso.protocol.errors import DiscoveryError
from sayso.protocol.numbers import PhoneNumber
from scripts.vector_cast import ALICE, BOB, EPOCH, VOPRF_SEED, seed
from tests.fuzz.vectors import vectors

RFC = vectors("rfc9497")
PUBLIC = tokens.public_key(VOPRF_SEED)


def rfc_key() -> Evaluator:
    return Evaluator.from_seed(bytes.fromhex(RFC["seed"]), bytes.fromhex(RFC["key_info"]))


def test_the_library_derives_the_rfcs_key() -> None:
    assert rfc_key().public_key.serialize().hex() == RFC["pkSm"]


@pytest.mark.parametrize("vector", RFC["vectors"], ids=lambda vector: vector["section"])
def test_the_library_evaluates_the_rfcs_elements(vector: dict[str, list[str]]) -> None:
    inputs = [BlindedInput.deserialize(bytes.fromhex(one)) for one in vector["blinded_element"]]
    answer = rfc_key().evaluate_batch(inputs).serialize()
    elements = answer[tokens.PROOF_BYTES :]
    assert len(answer) == tokens.PROOF_BYTES + tokens.ELEMENT_BYTES * len(inputs)
    assert elements.hex() == "".join(vector["evaluation_element"])


@pytest.mark.parametrize("vector", RFC["vectors"], ids=lambda vector: vector["section"])
def test_the_library_gives_the_rfcs_outputs(vector: dict[str, list[str]]) -> None:
    for given, output in zip(vector["input"], vector["output"], strict=True):
        assert rfc_key().evaluate_known_input(bytes.fromhex(given)).hex() == output


def test_our_key_is_the_rfcs_derivation_with_an_empty_info() -> None:
    assert Evaluator.from_seed(VOPRF_SEED, b"").public_key.serialize() == PUBLIC


def test_tokens_are_those_of_the_vectors() -> None:
    stored = vectors("tokens")
    assert bytes.fromhex(stored["public_key"]) == PUBLIC
    for line in stored["lines"]:
        number = PhoneNumber(line["number"])
        assert tokens.voprf_input(number).hex() == line["input"]
        assert tokens.token_of(bytes.fromhex(stored["seed"]), stored["epoch"], number).hex() == line["token"]


def test_the_blinded_way_leads_to_the_same_tokens_as_the_direct_one() -> None:
    people = (ALICE, BOB)
    blinded = tokens.Blinded([tokens.voprf_input(person.number) for person in people])
    evaluated = tokens.evaluate(VOPRF_SEED, blinded.elements)
    outputs = blinded.finish(evaluated, public_key=PUBLIC)
    assert [tokens.token_from_output(EPOCH, output) for output in outputs] == [person.token for person in people]
    assert all(len(person.token) == tokens.TOKEN_BYTES and person.token[0] == EPOCH for person in people)


def test_blinding_hides_the_number_anew_each_time() -> None:
    given = [tokens.voprf_input(ALICE.number)]
    assert tokens.Blinded(given).elements != tokens.Blinded(given).elements


def test_a_batch_of_none_is_refused_on_both_sides() -> None:
    with pytest.raises(DiscoveryError, match="at least one"):
        tokens.Blinded([])
    with pytest.raises(DiscoveryError, match="at least one"):
        tokens.evaluate(VOPRF_SEED, [])


@pytest.mark.parametrize(
    "element",
    [b"", bytes(31), bytes(32), bytes(33), b"\xff" * 32, seed("no group element")],
    ids=["empty", "short", "identity", "long", "not canonical", "no element"],
)
def test_hostile_elements_are_refused(element: bytes) -> None:
    good = tokens.Blinded([tokens.voprf_input(ALICE.number)]).elements
    with pytest.raises(DiscoveryError):
        tokens.evaluate(VOPRF_SEED, [*good, element])


def test_an_element_with_a_byte_too_many_is_refused_though_the_library_takes_it() -> None:
    element = tokens.Blinded([tokens.voprf_input(ALICE.number)]).elements[0]
    assert BlindedInput.deserialize(element + b"\0").serialize() == element
    with pytest.raises(DiscoveryError):
        tokens.evaluate(VOPRF_SEED, [element + b"\0"])


def test_a_proof_by_another_key_is_refused() -> None:
    blinded = tokens.Blinded([tokens.voprf_input(ALICE.number)])
    evaluated = tokens.evaluate(seed("another voprf key"), blinded.elements)
    with pytest.raises(DiscoveryError, match="does not fit its published key"):
        blinded.finish(evaluated, public_key=PUBLIC)


@pytest.mark.parametrize("at", [0, 40, 64, 100])
def test_a_changed_proof_or_element_is_refused(at: int) -> None:
    blinded = tokens.Blinded([tokens.voprf_input(person.number) for person in (ALICE, BOB)])
    evaluated = bytearray(tokens.evaluate(VOPRF_SEED, blinded.elements))
    evaluated[at] ^= 1
    with pytest.raises(DiscoveryError):
        blinded.finish(bytes(evaluated), public_key=PUBLIC)


def test_answers_in_another_order_are_refused() -> None:
    blinded = tokens.Blinded([tokens.voprf_input(person.number) for person in (ALICE, BOB)])
    evaluated = tokens.evaluate(VOPRF_SEED, blinded.elements[::-1])
    with pytest.raises(DiscoveryError):
        blinded.finish(evaluated, public_key=PUBLIC)


@pytest.mark.parametrize("change", [-32, -1, 1, 32])
def test_an_answer_for_another_number_of_elements_is_refused(change: int) -> None:
    blinded = tokens.Blinded([tokens.voprf_input(ALICE.number)])
    evaluated = tokens.evaluate(VOPRF_SEED, blinded.elements)
    wrong = evaluated[:change] if change < 0 else evaluated + bytes(change)
    with pytest.raises(DiscoveryError, match="another number of elements"):
        blinded.finish(wrong, public_key=PUBLIC)


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, PUBLIC + b"\0"])
def test_a_public_key_that_is_none_is_refused(key: bytes) -> None:
    blinded = tokens.Blinded([tokens.voprf_input(ALICE.number)])
    evaluated = tokens.evaluate(VOPRF_SEED, blinded.elements)
    with pytest.raises(DiscoveryError):
        blinded.finish(evaluated, public_key=key)


def test_an_epoch_has_one_byte() -> None:
    assert tokens.token_from_output(255, bytes(64))[0] == 255
    with pytest.raises(ValueError, match="range"):
        tokens.token_from_output(256, bytes(64))
