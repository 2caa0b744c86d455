"""The beginning of a stream."""

from dataclasses import replace

import pytest

from sayso.protocol.frames import Ask, CaughtUp, Error, ErrorCode, Frame, Hello, Login
from sayso.protocol.ids import KeyDigest
from sayso.protocol.limits import LIMITS
from sayso.protocol.signing import Purpose
from sayso.server.core.lines import LineTable
from sayso.server.core.login import Greeter, LoginRefused, Stage
from tests.fakes.login import SERVER, Device

NONCE = b"n" * 32
HELLO = Hello(LIMITS.protocol_version, (), b"")
BOB = Device("bob")


def greeter(*, now: float = 100.0, lines: LineTable | None = None) -> Greeter:
    return Greeter(lines or LineTable([BOB.line]), SERVER, nonce=NONCE, now=now)


def refusal(one: Greeter, frame: Frame, *, now: float = 100.0) -> Error:
    with pytest.raises(LoginRefused) as refused:
        one.take(frame, now=now)
    assert one.stage is not Stage.IN
    return refused.value.frame


def test_hello_then_login() -> None:
    one = greeter()
    assert one.hello() == Hello(LIMITS.protocol_version, (), NONCE)
    assert one.take(HELLO, now=100.0) is None
    stages = [one.stage]
    assert one.take(BOB.login(NONCE), now=100.0) == BOB.line.device
    assert [*stages, one.stage] == [Stage.GREETED, Stage.IN]


def test_another_version_is_told_which_one_is_spoken() -> None:
    error = refusal(greeter(), Hello(LIMITS.protocol_version + 1, (), b""))
    assert error.code is ErrorCode.VERSION
    assert str(LIMITS.protocol_version) in error.detail


def test_unknown_features_are_no_reason_to_refuse() -> None:
    assert greeter().take(Hello(LIMITS.protocol_version, ("later",), b""), now=100.0) is None


@pytest.mark.parametrize("frame", [BOB.login(NONCE), Ask(1, bytes(32)), CaughtUp()])
def test_anything_before_hello_is_refused(frame: Frame) -> None:
    assert refusal(greeter(), frame).code is ErrorCode.NOT_LOGGED_IN


@pytest.mark.parametrize("frame", [HELLO, Ask(1, bytes(32))])
def test_anything_but_login_after_hello_is_refused(frame: Frame) -> None:
    one = greeter()
    one.take(HELLO, now=100.0)
    assert refusal(one, frame).code is ErrorCode.NOT_LOGGED_IN


def test_a_second_login_is_refused() -> None:
    one = greeter()
    one.take(HELLO, now=100.0)
    one.take(BOB.login(NONCE), now=100.0)
    with pytest.raises(LoginRefused):
        one.take(BOB.login(NONCE), now=100.0)


def test_a_login_may_take_thirty_seconds() -> None:
    one = greeter(now=100.0)
    one.take(HELLO, now=100.0)
    assert one.take(BOB.login(NONCE), now=100.0 + LIMITS.challenge_s) == BOB.line.device


def test_a_later_one_is_too_late() -> None:
    one = greeter(now=100.0)
    one.take(HELLO, now=100.0)
    assert refusal(one, BOB.login(NONCE), now=100.1 + LIMITS.challenge_s).code is ErrorCode.BAD_LOGIN


def test_a_line_that_has_lapsed_wakes_by_logging_in() -> None:
    asleep = replace(BOB.line, lease_ends=0.0)
    one = greeter(lines=LineTable([asleep]))
    one.take(HELLO, now=100.0)
    assert one.take(BOB.login(NONCE), now=100.0) == BOB.line.device


def test_whatever_is_wrong_with_a_signature_the_answer_is_the_same() -> None:
    nobody = Device("nobody")
    wrong = [
        nobody.login(NONCE),
        Login(BOB.line.device, nobody.login(NONCE).signature),
        BOB.login(b"m" * 32),
        BOB.login(NONCE, server=KeyDigest(b"t" * 32)),
        BOB.login(NONCE, purpose=Purpose.CONSENT),
    ]
    answers = []
    for login in wrong:
        one = greeter()
        one.take(HELLO, now=100.0)
        answers.append(refusal(one, login))
    assert answers == [answers[0]] * len(wrong)
    assert answers[0].code is ErrorCode.BAD_LOGIN
