"""Which session is sent on."""

from dataclasses import replace

from sayso.phone.core.sessions import Session, retired_by_new_inbound, to_send_on, too_many
from sayso.protocol.limits import LIMITS


def session(name: str) -> Session:
    return Session(line=bytes(16), peer_curve25519=bytes(32), session_id=name, state=b"")


def test_the_lower_id_is_sent_on() -> None:
    assert to_send_on([session("b"), session("a")]) == session("a")
    assert to_send_on([]) is None


def test_retired_and_worn_sessions_are_not_sent_on() -> None:
    retired = replace(session("a"), retired=True)
    worn = replace(session("b"), unanswered=LIMITS.session_unanswered)
    assert to_send_on([retired, worn]) is None
    assert to_send_on([retired, worn, session("c")]) == session("c")


def test_a_new_session_of_the_peer_retires_those_it_knew() -> None:
    known = replace(session("a"), received=True)
    crossed = session("b")
    assert retired_by_new_inbound([known, crossed]) == [known]


def test_both_sides_of_a_crossing_choose_the_same() -> None:
    mine, theirs = session("m"), session("t")
    here = [mine, replace(theirs, received=True)]
    there = [replace(mine, received=True), theirs]
    assert to_send_on(here) is not None
    assert to_send_on(here).session_id == to_send_on(there).session_id  # type: ignore[union-attr]  # checked above


def test_the_least_used_go() -> None:
    sessions = [replace(session(str(n)), used_at=float(n)) for n in range(12)]
    assert {one.session_id for one in too_many(sessions, keep=8)} == {"0", "1", "2", "3"}
