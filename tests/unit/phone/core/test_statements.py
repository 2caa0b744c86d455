"""Statements of peers: when they are looked into, and what becomes of them."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sayso.phone.core.statements import ASK_AGAIN_S, Judgement, OddStatement, is_odd, judge, worth_asking
from sayso.protocol.limits import DAY, LIMITS

NOW = 1_800_000_000.0
ODD = OddStatement(line=b"l" * 16, number="+447700900101", digest=b"o" * 32, met_at=NOW, sent_at=NOW)
OURS = [b"s" * 32, b"t" * 32]
LATER = NOW + ASK_AGAIN_S


def test_the_server_is_asked_once_caches_in_between_have_let_go() -> None:
    assert not worth_asking(ODD, now=NOW)
    assert not worth_asking(ODD, now=LATER - 1)
    assert worth_asking(ODD, now=LATER)
    assert worth_asking(ODD, now=NOW - 1), "a clock that was set back does not put it off for ever"


def test_a_statement_that_is_shown_here_too_was_only_new() -> None:
    assert judge(ODD, shown=[ODD.digest, *OURS], since=LATER, asked_at=LATER) is Judgement.SETTLED


def test_who_goes_by_an_older_one_for_more_than_a_day_is_shown_another_one() -> None:
    assert judge(ODD, shown=[*OURS, ODD.digest], since=NOW - DAY + 1, asked_at=LATER) is Judgement.SETTLED
    assert judge(ODD, shown=[*OURS, ODD.digest], since=NOW - DAY, asked_at=LATER) is Judgement.TWO_FACES


def test_which_digests_are_looked_into() -> None:
    def odd(shown: list[bytes], *, since: float = NOW) -> bool:
        return is_odd(ODD.digest, sent_at=NOW, shown=shown, since=since)

    assert not odd([ODD.digest, *OURS])
    assert not odd([*OURS, ODD.digest]), "the sender has not been told of the change yet"
    assert odd([*OURS, ODD.digest], since=NOW - DAY)
    assert odd(OURS)
    assert odd([])


def test_nothing_is_said_before_the_server_was_asked_again() -> None:
    assert judge(ODD, shown=OURS, since=0, asked_at=LATER - 1) is Judgement.OPEN


def test_while_ours_is_changing_others_may_be_shown_one_in_between() -> None:
    since = NOW - LIMITS.statement_grace_s
    assert judge(ODD, shown=OURS, since=since + 1, asked_at=LATER) is Judgement.SETTLED
    assert judge(ODD, shown=OURS, since=since, asked_at=LATER) is Judgement.TWO_FACES


def test_an_old_message_is_measured_by_the_time_it_was_sent() -> None:
    late = replace(ODD, sent_at=NOW - 6 * DAY)
    assert judge(late, shown=OURS, since=NOW - 6 * DAY, asked_at=LATER) is Judgement.SETTLED


@given(st.floats(0, 2e9), st.floats(0, 2e9), st.floats(0, 2e9), st.floats(0, 2e9))
def test_what_is_shown_here_never_warns(met: float, sent: float, since: float, asked: float) -> None:
    odd = replace(ODD, met_at=met, sent_at=sent)
    assert judge(odd, shown=[ODD.digest], since=since, asked_at=asked) is Judgement.SETTLED
