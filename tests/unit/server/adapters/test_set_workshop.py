"""Sets are the same wherever they are made, and a failure is the server's error."""

import random

import pytest

from sayso.protocol.enrolled_set import Shape
from sayso.protocol.ids import Token
from sayso.server.adapters.set_workshop import Workshop
from sayso.server.core.set_build import EarlierSet, SetWork, make_set
from sayso.server.errors import ServerError
from tests.aio import run


def work(count: int = 50, *, earlier: EarlierSet | None = None) -> SetWork:
    rng = random.Random(4)
    return SetWork(epoch=5, tokens=tuple(Token(b"\5" + rng.randbytes(32)) for _ in range(count)), earlier=earlier)


@pytest.mark.parametrize("small_lines", [50, 49])
def test_a_set_is_made_on_a_thread_or_in_a_process(small_lines: int) -> None:
    assert run(Workshop(small_lines=small_lines).make(work())) == make_set(work())


@pytest.mark.parametrize("small_lines", [50, 49])
def test_what_cannot_be_made_is_a_fault_of_the_server(small_lines: int) -> None:
    damaged = EarlierSet(shape=Shape(universe_bits=40, shard_bits=0), shards=(b"",))
    with pytest.raises(ServerError, match="could not be made"):
        run(Workshop(small_lines=small_lines).make(work(earlier=damaged)))
