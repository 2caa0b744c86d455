"""The history checker finds what it is there to find: each kind of violation, planted."""

from sayso.protocol.frames import DepositState, OutcomeState, Refusal
from tests.integration.load.history import History

ONE, TWO = (1, 2, 1), (1, 2, 2)


def good() -> History:
    history = History()
    for message in (ONE, TWO):
        history.sent[message] = 0.0
        history.told[message] = DepositState.DELIVERED
        history.shown[2].append(message)
    return history


def test_a_good_history_has_no_violations() -> None:
    assert good().violations() == []


def test_what_was_told_and_never_shown_is_lost_unless_it_was_recalled() -> None:
    history = good()
    history.told[1, 2, 3] = DepositState.ACCEPTED
    assert history.violations() == ["lost: (1, 2, 3), told ACCEPTED"]
    history.outcomes[1, 2, 3] = OutcomeState.RECALLED
    assert history.violations() == []


def test_what_is_shown_twice_or_out_of_order_is_found() -> None:
    history = good()
    history.shown[2].append(ONE)
    assert history.violations() == ["twice: (1, 2, 1)", "order: 1→2: 1 after 2"]


def test_what_was_recalled_and_shown_is_found() -> None:
    history = good()
    history.outcomes[ONE] = OutcomeState.RECALLED
    assert "recalled and shown: (1, 2, 1)" in history.violations()


def test_a_refusal_that_is_none_of_the_server_s_own_troubles_is_found() -> None:
    history = good()
    history.refused[1, 2, 9] = Refusal.STOPPING
    assert history.violations() == []
    history.refused[1, 2, 9] = Refusal.NOT_ENROLLED
    assert history.violations() == ["refused: (1, 2, 9) NOT_ENROLLED"]


def test_a_forgotten_envelope_is_found() -> None:
    history = good()
    history.outcomes[TWO] = OutcomeState.UNKNOWN
    assert history.violations() == ["recalled, then UNKNOWN: (1, 2, 2)"]
