"""Which receipt belongs to an SMS of ours."""

import pytest

from sayso.server.adapters.smpp.pdus import Receipt, ReceiptState
from sayso.server.adapters.smpp.receipts import Receipts

DELIVERED, FAILED, UNDER_WAY = ReceiptState.DELIVERED, ReceiptState.FAILED, ReceiptState.UNDER_WAY


@pytest.fixture
def receipts() -> Receipts:
    return Receipts(keep_s=100)


def test_each_is_reported_once(receipts: Receipts) -> None:
    receipts.taken("a", now=0)
    assert receipts.receipted(Receipt("a", UNDER_WAY), now=1) is None
    assert receipts.receipted(Receipt("a", FAILED), now=2) is False
    assert receipts.receipted(Receipt("a", DELIVERED), now=3) is None


def test_one_that_overtakes_the_answer(receipts: Receipts) -> None:
    assert receipts.receipted(Receipt("a", DELIVERED), now=0) is None
    assert receipts.taken("a", now=1) is True
    assert receipts.receipted(Receipt("a", DELIVERED), now=2) is None


def test_those_of_others_and_late_ones_say_nothing(receipts: Receipts) -> None:
    receipts.taken("a", now=0)
    assert receipts.receipted(Receipt("b", DELIVERED), now=1) is None
    assert receipts.receipted(Receipt("a", DELIVERED), now=100) is None
    assert receipts.taken("b", now=101) is None
    assert receipts.taken("", now=101) is None


@pytest.mark.parametrize(("answered", "receipted"), [("0abc01", "703489"), ("703489", "ABC01"), ("0042", "42")])
def test_another_base_is_the_same_id(receipts: Receipts, answered: str, receipted: str) -> None:
    receipts.taken(answered, now=0)
    assert receipts.receipted(Receipt(receipted, DELIVERED), now=1) is True


def test_what_is_remembered_is_bounded(receipts: Receipts) -> None:
    for number in range(11_000):
        receipts.taken(f"x{number}", now=0)
        receipts.receipted(Receipt(f"y{number}", DELIVERED), now=0)
    assert receipts.receipted(Receipt("x10999", DELIVERED), now=1) is True
    assert receipts.receipted(Receipt("x0", DELIVERED), now=1) is None
    assert receipts.taken("y10999", now=1) is True
    assert receipts.taken("y1", now=1) is None
