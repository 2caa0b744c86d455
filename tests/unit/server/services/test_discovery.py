"""Evaluations: epoch and elements."""

from collections.abc import Sequence

import pytest

from sayso.protocol.api import Evaluate, ProblemType
from sayso.protocol.errors import DiscoveryError
from sayso.server.errors import Refused
from sayso.server.services.discovery import Discovery
from tests.aio import run


class _Echo:
    async def evaluate(self, elements: Sequence[bytes]) -> bytes:
        if elements[0] == bytes(32):
            raise DiscoveryError("a blinded element is not a valid group element")
        return b"proof" + b"".join(elements)


def test_a_batch_is_evaluated_in_its_epoch() -> None:
    answer = run(Discovery(epoch=5, evaluator=_Echo()).evaluate(Evaluate(5, [b"e" * 32])))
    assert (answer.epoch, answer.evaluated) == (5, b"proof" + b"e" * 32)


@pytest.mark.parametrize(
    ("body", "problem"),
    [(Evaluate(4, [b"e" * 32]), ProblemType.EPOCH), (Evaluate(5, [bytes(32)]), ProblemType.MALFORMED)],
)
def test_another_epoch_or_what_is_no_element_is_refused(body: Evaluate, problem: ProblemType) -> None:
    with pytest.raises(Refused) as refused:
        run(Discovery(epoch=5, evaluator=_Echo()).evaluate(body))
    assert refused.value.problem is problem
