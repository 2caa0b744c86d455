"""Answers of hostile servers: one family of errors, and nothing in them that a terminal obeys."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.phone.adapters.control_answers import HttpAnswer, read_answer
from sayso.phone.errors import ProblemError, ServerSideError
from sayso.protocol.api import Claimed, Enrolled, Holdings, KeysLeft

JSON, PROBLEM = "application/json", "application/problem+json"


def problem(members: dict[str, object], fields: dict[str, str] | None = None) -> ProblemError:
    body = {"type": "urn:sayso:problem:code", "title": "", "status": 400, "detail": "no"} | members
    answer = HttpAnswer(status=400, fields={"content-type": PROBLEM} | (fields or {}), body=json.dumps(body).encode())
    with pytest.raises(ProblemError) as refused:
        read_answer(answer, KeysLeft)
    return refused.value


def test_other_problems_keep_their_name() -> None:
    assert problem({"type": "about:blank"}).problem == "about:blank"
    assert problem({}).problem == "code"


def test_members_that_a_newer_server_adds() -> None:
    assert problem({"instance": "x"}).detail == "no"


def test_what_a_terminal_would_obey_is_left_out() -> None:
    """A server that writes to the owner's screen: colours, line breaks, a second line that looks like ours."""
    error = problem({"detail": "\x1b[2J\x1b[31mline\r\nother\u202etext\x07", "type": "a\nb"})
    assert error.detail == "[2J[31mlineothertext"
    assert error.problem == "ab"
    assert len(problem({"detail": "x" * 100_000}).detail) == 200


@pytest.mark.parametrize(
    ("field", "seconds"),
    [("0", 0), ("30", 30), ("9999999", 9_999_999), ("99999999", None), ("-1", None), ("soon", None), ("1.5", None)],
)
def test_retry_after(field: str, seconds: int | None) -> None:
    assert problem({}, {"retry-after": field}).retry_after_s == seconds


@given(
    status=st.integers(0, 999),
    kind=st.sampled_from([JSON, PROBLEM, "text/html", "", "application/JSON ; charset=x"]),
    body=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    ),
    expected=st.sampled_from([KeysLeft, Claimed, Enrolled, Holdings]),
)
def test_any_answer_is_read_or_refused(
    status: int, kind: str, body: bytes, expected: type[KeysLeft | Claimed | Enrolled | Holdings]
) -> None:
    with suppress(ServerSideError):
        read_answer(HttpAnswer(status=status, fields={"content-type": kind}, body=body), expected)
