"""Watermarks that call everything handed."""

from sayso.server.core.model import all_handed
from tests.contract.mailbox_store import ANNA, BEN, put


def test_each_device_gets_its_highest_seq() -> None:
    waiting = [put(3).waiting, put(5, BEN).waiting, put(9).waiting]
    assert all_handed(waiting) == {ANNA: 9, BEN: 5}
    assert all(one.handed for one in waiting)
    assert all_handed([]) == {}
