"""Exit codes and allowed findings."""

from dataclasses import replace

import pytest

from sayso.audit.core.findings import Certainty
from sayso.audit.core.model import Direction, NotSeen
from sayso.audit.core.policy import Allowance, Outcome, Policy, outcome, parse_allowances, without_allowed
from sayso.audit.errors import SeedError
from tests.fakes.audit_world import PEER, exchange, scan, scanner

LEAK = scan(exchange(b"imei=490154203237518"))
CLEAN = scan(exchange(b"imei=490154203237519"))


def unseen() -> NotSeen:
    return NotSeen(0, None, PEER, "tls", "TLS without its keys", 900, 4000)


def test_exit_codes() -> None:
    assert outcome(LEAK) is Outcome.LEAKS
    assert outcome(CLEAN) is Outcome.CLEAN
    assert outcome(replace(CLEAN, partial=True)) is Outcome.NOT_ALL_SEEN


def test_never_clean_where_something_was_not_seen_into() -> None:
    made = scanner()
    made.feed(unseen())
    assert outcome(made.report()) is Outcome.NOT_ALL_SEEN
    made.feed(exchange(b"imei=490154203237518"))
    assert outcome(made.report()) is Outcome.LEAKS


def test_how_sure_a_finding_has_to_be() -> None:
    assert outcome(scan(exchange(b"tail=0900123;")), Policy(fail_on=Certainty.LIKELY)) is Outcome.CLEAN
    assert outcome(scan(exchange(b"tail=0900123;"))) is Outcome.LEAKS


def test_an_echo_may_be_ignored() -> None:
    echoed = scan(exchange(b"imei=490154203237518", direction=Direction.RECEIVED))
    assert outcome(echoed) is Outcome.LEAKS
    assert outcome(echoed, Policy(sent_only=True)) is Outcome.CLEAN


def test_what_is_meant_to_leave() -> None:
    rules = parse_allowances(b'[[allow]]\nseed = "imei"\nhost = "*.example"\nreason = "the registrar asks for it"')
    assert outcome(LEAK, Policy(allowances=rules)) is Outcome.CLEAN
    kept = without_allowed(LEAK, rules)
    assert kept.findings == ()
    assert kept.notes == ("1 findings are allowed and not listed",)
    assert without_allowed(LEAK, [Allowance("x", host="other.example")]) is LEAK


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"[[allow]]\nseed = 'imei'",
        b"[[allow]]\nreason = 'x'\ncolour = 'red'",
        b"[[allow]]\nreason = 1",
        b"[[allow",
    ],
)
def test_a_wrong_rule_is_refused(data: bytes) -> None:
    with pytest.raises(SeedError):
        parse_allowances(data)
