"""Answers and problems."""

import msgspec

from sayso.protocol.api import KeysLeft, Problem, ProblemType
from sayso.server.adapters.control.answers import PROBLEMS, answer, problem
from sayso.server.errors import Refused


def test_every_problem_type_has_a_status_and_a_title_of_its_own() -> None:
    assert set(PROBLEMS) == set(ProblemType)
    assert len({title for _, title in PROBLEMS.values()}) == len(PROBLEMS)
    assert all(400 <= status < 600 for status, _ in PROBLEMS.values())


def test_a_problem_is_rfc_9457() -> None:
    response = problem(Refused(ProblemType.LIMIT, "Later.", retry_after_s=7), fields={"Allow": "POST"})
    assert response.media_type == "application/problem+json"
    assert (response.status_code, response.headers["Retry-After"], response.headers["Allow"]) == (429, "7", "POST")
    assert msgspec.json.decode(response.content, type=Problem) == Problem(
        type="urn:sayso:problem:limit", title="Limit reached", status=429, detail="Later."
    )


def test_an_answer_is_json_as_it_was_stored_or_made() -> None:
    assert answer(b'{"a":1}').content == b'{"a":1}'
    made = answer(KeysLeft(3), status=202)
    assert (made.content, made.status_code, made.media_type) == (b'{"one_time_keys":3}', 202, "application/json")
