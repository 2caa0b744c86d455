"""Answers to claims, sealed."""

import pytest

from sayso.protocol.api import Claim, ClaimLine
from sayso.protocol.ids import DeviceId
from sayso.server.core.claim_answer import answer_id, open_answer, seal_answer
from sayso.server.errors import Refused

ALICE, BOB = DeviceId(b"a" * 16), DeviceId(b"b" * 16)
ONE, TWO = ClaimLine(b"\5" + b"1" * 32), ClaimLine(b"\5" + b"2" * 32, b"g" * 32)
CLAIM = Claim(b"r" * 16, [ONE, TWO])


def test_who_asks_again_can_open_the_answer() -> None:
    sealed = seal_answer(b"answer", ALICE, CLAIM, expires=700.5)
    assert open_answer(sealed, ALICE, CLAIM, expires=700.5) == b"answer"


def test_neither_row_id_nor_sealed_answer_shows_who_asked_for_whom() -> None:
    stored = answer_id(ALICE, CLAIM) + seal_answer(ONE.token + ALICE, ALICE, CLAIM, expires=1.0)
    for telling in (ALICE, ONE.token[1:], TWO.token[1:], CLAIM.request_id, TWO.grant):
        assert telling not in stored


def test_a_request_id_is_its_devices_own() -> None:
    assert answer_id(ALICE, CLAIM) != answer_id(BOB, CLAIM)


@pytest.mark.parametrize(
    ("device", "claim", "expires"),
    [
        (ALICE, Claim(b"r" * 16, [ONE]), 1.0),
        (ALICE, Claim(b"r" * 16, [TWO, ONE]), 1.0),
        (ALICE, Claim(b"r" * 16, [ONE, ClaimLine(TWO.token)]), 1.0),
        (BOB, CLAIM, 1.0),
        (ALICE, CLAIM, 2.0),
    ],
)
def test_for_anything_else_it_does_not_open(device: DeviceId, claim: Claim, expires: float) -> None:
    sealed = seal_answer(b"answer", ALICE, CLAIM, expires=1.0)
    with pytest.raises(Refused, match="draw a new one"):
        open_answer(sealed, device, claim, expires=expires)


def test_the_same_request_id_used_later_repeats_no_key_stream() -> None:
    assert seal_answer(bytes(64), ALICE, CLAIM, expires=1.0) != seal_answer(bytes(64), ALICE, CLAIM, expires=2.0)
