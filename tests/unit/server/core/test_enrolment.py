"""Rules of enrolment."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.records import ConsentRecord, sign_record
from sayso.protocol.api import SEALED_NUMBER_BYTES, Enrol, ProblemType
from sayso.protocol.keys import sign_identity
from sayso.protocol.statement import Policy
from sayso.server.core.enrolment import check_enrolment, code_fits, code_hash, code_text, draw_code
from sayso.server.errors import Refused
from tests.fakes.consented import DEVICE, DEVICE_KEY, SERVER, record

URL = "https://chat.example"
POLICY = Policy("1", b"p" * 32)


def body(given: ConsentRecord | None = None, key: Ed25519PrivateKey = DEVICE_KEY) -> Enrol:
    return Enrol(
        id=b"i" * 16,
        consent=sign_record(given or record(URL), key),
        keys=sign_identity(DEVICE_KEY, device=DEVICE, server=SERVER, curve25519=b"c" * 32),
        epoch=5,
        registrar_key_id=1,
        sealed_number=bytes(SEALED_NUMBER_BYTES),
    )


def test_a_consent_that_fits_is_taken() -> None:
    assert check_enrolment(body(), server=SERVER, policy=POLICY).record == record(URL)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"kind": "update-check"}, ProblemType.MALFORMED),
        ({"server_key": b"x" * 32}, ProblemType.MALFORMED),
        ({"device": b"x" * 16}, ProblemType.MALFORMED),
        ({"policy": Policy("2", b"p" * 32)}, ProblemType.POLICY),
        ({"policy": Policy("1", b"q" * 32)}, ProblemType.POLICY),
    ],
)
def test_a_consent_to_something_else_is_refused(changes: dict[str, Any], problem: ProblemType) -> None:
    other = msgspec.structs.replace(record(URL), **changes)
    with pytest.raises(Refused) as refused:
        check_enrolment(body(other), server=SERVER, policy=POLICY)
    assert refused.value.problem is problem


def test_a_consent_of_another_key_is_refused() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    given = msgspec.structs.replace(record(URL), device_key=other.public_key().public_bytes_raw())
    with pytest.raises(Refused, match="another device"):
        check_enrolment(body(given, other), server=SERVER, policy=POLICY)


@pytest.mark.parametrize(
    "damage",
    [
        lambda good: msgspec.structs.replace(good, consent=good.consent | {"signature": "AAAA"}),
        lambda good: msgspec.structs.replace(good, consent={}),
        lambda good: msgspec.structs.replace(good, keys=msgspec.structs.replace(good.keys, curve25519=b"x" * 32)),
    ],
)
def test_what_is_not_signed_is_refused(damage: Callable[[Enrol], Enrol]) -> None:
    with pytest.raises(Refused) as refused:
        check_enrolment(damage(body()), server=SERVER, policy=POLICY)
    assert refused.value.problem is ProblemType.MALFORMED


def draws(*numbers: int) -> Callable[[int], bytes]:
    left = list(numbers)
    return lambda count: left.pop(0).to_bytes(count, "big")


def test_a_code_has_six_digits() -> None:
    assert draw_code(draws(0)) == "000000"
    assert draw_code(draws(42)) == "000042"
    assert draw_code(draws(1_999_999)) == "999999"


def test_draws_that_would_make_some_codes_likelier_are_drawn_again() -> None:
    last_fair = 4294 * 10**6 - 1
    assert draw_code(draws(last_fair)) == "999999"
    assert draw_code(draws(2**32 - 1, last_fair + 1, 7)) == "000007"


def test_every_code_is_as_likely_as_any_other() -> None:
    fair = 4294
    counted = Counter(draw_code(draws(step * 10**6 + 123_456)) for step in range(fair))
    assert counted == {"123456": fair}


def test_a_code_is_compared_under_the_key_and_for_its_enrolment() -> None:
    stored = code_hash(b"k" * 32, b"i" * 16, "123456")
    assert code_fits(b"k" * 32, b"i" * 16, "123456", stored)
    assert not code_fits(b"k" * 32, b"i" * 16, "123457", stored)
    assert not code_fits(b"k" * 32, b"j" * 16, "123456", stored)
    assert not code_fits(b"x" * 32, b"i" * 16, "123456", stored)


@pytest.mark.parametrize(
    ("service", "text"),
    [("Sayso", "Sayso code: 012345"), ("Example Mobile", "Sayso at Example Mobile code: 012345")],
)
def test_the_sms_names_sayso_and_ends_with_the_code(service: str, text: str) -> None:
    assert code_text(service, "012345") == text
