"""The table of lines."""

from dataclasses import replace

from sayso.protocol.ids import DeviceId, Token
from sayso.server.core.lines import LineTable
from tests.fakes.relay_world import make_line

LINE = make_line("bob", lease_ends=100.0)


def test_a_line_is_found_by_token_and_by_device() -> None:
    table = LineTable([LINE])
    assert table.by_token(LINE.token) is table.by_device(LINE.device) is LINE
    assert len(table) == 1
    assert list(table) == [LINE]
    assert table.by_token(b"x" * 33) is None
    assert table.by_device(b"x" * 16) is None


def test_a_line_is_addressable_until_its_lease_ends() -> None:
    table = LineTable([LINE])
    assert table.addressable(LINE.token, now=99.9) is LINE
    assert table.addressable(LINE.token, now=100.0) is None
    assert table.addressable(b"x" * 33, now=0.0) is None
    assert table.by_token(LINE.token) is LINE


def test_a_line_whose_token_changes_is_no_longer_found_under_the_old_one() -> None:
    table = LineTable([LINE])
    turned = replace(LINE, token=Token(b"\x02" * 33))
    table.put(turned)
    assert table.by_token(LINE.token) is None
    assert table.by_token(turned.token) is turned
    assert len(table) == 1


def test_another_device_takes_a_token_over_and_the_older_one_leaves_it_alone() -> None:
    table = LineTable([LINE])
    successor = replace(LINE, device=DeviceId(b"n" * 16))
    table.put(successor)
    assert table.by_token(LINE.token) is successor
    assert table.remove(LINE.device) is LINE
    assert table.by_token(LINE.token) is successor
    assert table.by_device(LINE.device) is None
    table.put(replace(successor, one_time_keys=1))
    assert table.remove(successor.device) is not None
    assert table.by_token(LINE.token) is None
    assert len(table) == 0


def test_the_older_device_that_changes_after_a_take_over_takes_nothing_away() -> None:
    """`put` removes the token of the line it replaces only where that line still holds it."""
    table = LineTable([LINE])
    successor = replace(LINE, device=DeviceId(b"n" * 16))
    table.put(successor)
    table.remove(LINE.device)
    assert table.remove(LINE.device) is None
    assert table.by_token(LINE.token) is successor


def test_while_epochs_overlap_a_line_is_found_under_both_its_tokens() -> None:
    table = LineTable([LINE])
    moved = replace(LINE, token=Token(b"\x02" * 33), previous_token=LINE.token)
    table.put(moved)
    assert table.by_token(LINE.token) is table.by_token(moved.token) is moved
    assert len(table) == 1
    ended = replace(moved, previous_token=None)
    table.put(ended)
    assert table.by_token(LINE.token) is None
    assert table.by_token(moved.token) is ended
    table.put(moved)
    table.remove(LINE.device)
    assert table.by_token(LINE.token) is table.by_token(moved.token) is None
