"""Evaluations: epoch, elements, and the line's budget, paid before the key is used."""

from collections.abc import Sequence

import pytest

from sayso.protocol.api import Evaluate, ProblemType
from sayso.protocol.errors import DiscoveryError
from sayso.protocol.ids import DeviceId, Token
from sayso.server.core.discovery_budget import Allowance
from sayso.server.errors import Refused, ServerError, StoreError
from sayso.server.services.discovery import Discovery
from tests.aio import run
from tests.contract.directory_store import NOW, enrol
from tests.fakes.directory import MemoryDirectory
from tests.fakes.discovery import MemoryDiscovery

ELEMENT = b"e" * 32


class _Echo:
    def __init__(self) -> None:
        self.evaluated = 0
        self.dead = False

    async def evaluate(self, epoch: int, elements: Sequence[bytes]) -> bytes:
        assert epoch in {5, 6}
        if self.dead:
            raise ServerError("the worker died")
        if elements[0] == bytes(32):
            raise DiscoveryError("a blinded element is not a valid group element")
        self.evaluated += len(elements)
        return b"proof" + b"".join(elements)


class _World:
    def __init__(self, bucket: int = 10) -> None:
        self.directory = MemoryDirectory()
        self.budgets = MemoryDiscovery(self.directory)
        self.evaluator = _Echo()
        self.now = NOW
        self.discovery = Discovery(
            epochs=lambda: (6, 5),
            evaluator=self.evaluator,
            lines=self.directory,
            budgets=self.budgets,
            codes_key=b"k" * 32,
            allowance=Allowance(bucket=bucket, per_day=10),
            running=lambda: self.now,
        )
        enrolment = run(enrol(self.directory))
        self.device, self.token = enrolment.device, enrolment.token

    def ask(self, *elements: bytes, epoch: int = 5, device: DeviceId | None = None) -> bytes:
        answer = run(self.discovery.evaluate(Evaluate(epoch, list(elements)), device=device or self.device))
        assert answer.epoch == epoch
        return answer.evaluated

    def refusal(self, *elements: bytes, epoch: int = 5, device: DeviceId | None = None) -> ProblemType:
        with pytest.raises(Refused) as refused:
            self.ask(*elements, epoch=epoch, device=device)
        return refused.value.problem


def test_a_batch_is_evaluated_in_its_epoch() -> None:
    assert _World().ask(ELEMENT) == b"proof" + ELEMENT


def test_another_epoch_costs_nothing() -> None:
    world = _World(bucket=1)
    assert world.refusal(ELEMENT, epoch=4) is ProblemType.EPOCH
    assert world.ask(ELEMENT)


def test_what_is_no_element_is_refused_and_an_unknown_device_too() -> None:
    world = _World()
    assert world.refusal(bytes(32)) is ProblemType.MALFORMED
    assert world.refusal(ELEMENT, device=DeviceId(bytes(16))) is ProblemType.NOT_ENROLLED


def test_elements_are_counted_and_nothing_is_evaluated_beyond_the_budget() -> None:
    world = _World()
    world.ask(*[bytes([n]) * 32 for n in range(1, 10)])
    assert world.refusal(b"a" * 32, b"b" * 32) is ProblemType.LIMIT
    world.ask(b"a" * 32)
    assert world.refusal(b"b" * 32) is ProblemType.LIMIT
    assert world.evaluator.evaluated == 10


def test_an_answer_that_was_lost_can_be_asked_for_again() -> None:
    world = _World(bucket=1)
    world.evaluator.dead = True
    with pytest.raises(ServerError):
        world.ask(ELEMENT)
    world.evaluator.dead = False
    assert world.ask(ELEMENT)
    assert world.ask(ELEMENT)
    assert world.refusal(b"f" * 32) is ProblemType.LIMIT


def test_with_the_limiters_store_gone_nothing_is_evaluated() -> None:
    world = _World()
    world.budgets.broken = True
    with pytest.raises(StoreError):
        world.ask(ELEMENT)
    assert world.evaluator.evaluated == 0


def test_a_line_sees_what_is_remembered_of_its_budget() -> None:
    world = _World()
    assert run(world.discovery.held(world.token)) is None
    world.ask(ELEMENT)
    held = run(world.discovery.held(world.token))
    assert held is not None
    assert held.full_at == NOW + 8640


def test_a_line_that_moved_pays_in_each_epoch_for_itself_and_before_that_out_of_one_bucket() -> None:
    world = _World(bucket=1)
    world.ask(ELEMENT)
    assert world.refusal(b"f" * 32, epoch=6) is ProblemType.LIMIT, "it has no token there yet"
    fresh = Token(b"\6" + world.token[1:])
    assert run(world.directory.move(world.device, world.token, fresh, now=NOW)) is not None
    assert world.ask(ELEMENT, epoch=6), "what was paid for is evaluated anew without cost"
    for epoch in (5, 6):
        assert world.refusal(b"g" * 32, epoch=epoch) is ProblemType.LIMIT, "one bucket for each, and no more"
