"""Drives the fuzzers with mutations of their seeds, fast and the same each time: every module `tests/fuzz/fuzz_*.py`.

The test command runs this everywhere; `make fuzz` (`__main__.py`) is guided by coverage and needs atheris.

A module has `seeds() -> list[bytes]` and `fuzz_one(data: bytes) -> None`, which gives the data to a decoder and lets
nothing but the decoder's documented family of errors pass in silence. Where the decoder ends in expensive cryptography,
`fuzz_one` stops before it, and `slow_one(data)` goes through it, `SLOW_EXECUTIONS` times.
"""

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from tests.fuzz.mutation import inputs

EXECUTIONS = 200_000
"""Of each decoder in the test command."""
SEED = 20_260_921


class FuzzFailure(AssertionError):  # noqa: N818  reads better in a report: it is a finding
    """A decoder let something else than its documented errors out."""


@dataclass(frozen=True)
class Target:
    """One fuzzer."""

    name: str
    fuzz_one: Callable[[bytes], None]
    seeds: list[bytes] = field(repr=False)
    slow_one: Callable[[bytes], None] | None = None
    slow_executions: int = 0


@dataclass(frozen=True)
class Count:
    """What a run came to."""

    name: str
    executions: int
    slow_executions: int
    seconds: float


def load(name: str) -> Target:
    """Import one fuzzer."""
    module = importlib.import_module(f"tests.fuzz.fuzz_{name}")
    seeds = module.seeds()
    if not seeds:
        raise ValueError(f"fuzz_{name} has no seeds")
    slow_one = getattr(module, "slow_one", None)
    return Target(name, module.fuzz_one, seeds, slow_one, module.SLOW_EXECUTIONS if slow_one else 0)


def drive(one: Callable[[bytes], None], data: Iterator[bytes]) -> int:
    """Give every input to `one` and count them.

    Raises:
        FuzzFailure: with the input, so that it can become a seed.
    """
    executions = 0
    for executions, given in enumerate(data, 1):  # noqa: B007  the count is the result
        try:
            one(given)
        except Exception as error:
            raise FuzzFailure(f"{type(error).__name__} on bytes.fromhex({given.hex()!r})") from error
    return executions


def run(target: Target, executions: int = EXECUTIONS, *, seed: int = SEED) -> Count:
    """Fuzz one target with a fixed seed."""
    started = time.perf_counter()
    done = drive(target.fuzz_one, inputs(target.seeds, executions, Random(f"{target.name} {seed}")))
    slow = 0
    if target.slow_one is not None:
        slow = drive(
            target.slow_one, inputs(target.seeds, target.slow_executions, Random(f"{target.name} slow {seed}"))
        )
    return Count(target.name, done, slow, time.perf_counter() - started)


def run_in_test(name: str) -> None:
    """Give a decoder as many hostile inputs as the test command promises."""
    target = load(name)
    count = run(target)
    assert count.executions == EXECUTIONS >= 200_000
    assert count.slow_executions == target.slow_executions
    sys.stdout.write(f"{count}\n")
