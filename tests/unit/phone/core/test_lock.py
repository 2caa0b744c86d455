"""The registration lock as phones know it."""

import pytest

from sayso.phone.core.lock import LockState, Next, come_in, next_step, settled, told_to_wait, wants_code
from sayso.protocol.api import Lock

NOW = 1_800_000_000.0
LINE = LockState(line=b"l" * 16)


def test_a_line_that_is_told_to_wait_knows_until_when() -> None:
    state = told_to_wait(LINE, Lock(604_800, 7), now=NOW)
    assert (state.waits_until, state.pin_tries) == (NOW + 604_800, 7)


def test_a_servers_nonsense_is_no_wait_in_the_past() -> None:
    state = told_to_wait(LINE, Lock(-5, -1), now=NOW)
    assert (state.waits_until, state.pin_tries) == (NOW, 0)


def test_an_entered_pin_is_kept_only_while_it_can_be_tried() -> None:
    entered = LockState(line=b"l" * 16, pin="4711", pin_proof=b"p" * 32)
    assert told_to_wait(entered, Lock(9, 1), now=NOW).pin == "4711"
    gone = told_to_wait(entered, Lock(9, 0), now=NOW)
    assert (gone.pin, gone.pin_proof) == (None, b"")


@pytest.mark.parametrize(
    ("pin", "code_good", "now", "expected"),
    [
        (None, True, NOW - 1, Next.WAIT),
        (None, False, NOW - 1, Next.WAIT),
        (None, True, NOW, Next.ASK_CODE),
        ("4711", True, NOW - 1, Next.PROVE),
        ("4711", False, NOW - 1, Next.ASK_CODE),
        ("4711", True, NOW, Next.PROVE),
    ],
)
def test_what_a_line_that_waits_does_next(pin: str | None, code_good: bool, now: float, expected: Next) -> None:  # noqa: FBT001  a parameter of the test
    state = LockState(line=b"l" * 16, waits_until=NOW, pin=pin)
    assert next_step(state, code_good=code_good, now=now) is expected


def test_who_came_in_by_a_pin_has_it_now_and_nothing_else_is_kept() -> None:
    waited = LockState(line=b"l" * 16, waits_until=NOW, pin_tries=3)
    assert come_in(waited) == LINE
    by_pin = LockState(line=b"l" * 16, waits_until=NOW, pin="4711", pin_proof=b"p" * 32)
    assert come_in(by_pin) == LockState(line=b"l" * 16, pin_set=True)


def test_a_code_is_wanted_while_one_was_asked_for() -> None:
    asked = LockState(line=b"l" * 16, refusal_id=b"i" * 16, refusal_expires=NOW)
    assert wants_code(asked, now=NOW - 1)
    assert not wants_code(asked, now=NOW)
    assert not wants_code(LINE, now=NOW)


def test_once_settled_nothing_of_the_newcomer_is_left() -> None:
    state = LockState(
        line=b"l" * 16,
        pin_set=True,
        newcomer_until=NOW,
        refusal_id=b"i" * 16,
        refusal_expires=NOW,
        refusal_code="123456",
    )
    assert settled(state) == LockState(line=b"l" * 16, pin_set=True)
