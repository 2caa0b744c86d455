"""Every decoder raises one family of errors, whatever comes in: those of the ground floor, and how they are driven."""

import importlib.util
import subprocess
from random import Random

import pytest

from tests.accounting import not_tested
from tests.fuzz import planted
from tests.fuzz.decoders import GROUND, PARTS, ROOT, command, names
from tests.fuzz.mutation import MAX_BYTES, inputs, mutate
from tests.fuzz.run import FuzzFailure, Target, run, run_in_test


@pytest.mark.slow
@pytest.mark.parametrize("name", names(GROUND))
def test_hostile_bytes_are_refused_in_one_way(name: str) -> None:
    run_in_test(name)


def test_every_decoder_runs_with_one_part() -> None:
    assert sorted(name for part in (GROUND, *PARTS) for name in names(part)) == names()


def test_a_planted_bug_is_found_and_its_input_is_named() -> None:
    with pytest.raises(FuzzFailure, match=r"IndexError on bytes\.fromhex\('21"):
        run(Target("planted", planted.fuzz_one, [b"harmless"]), 20_000)


def test_guided_by_coverage_a_planted_bug_is_found_too() -> None:
    if importlib.util.find_spec("atheris") is None:
        not_tested("coverage-guided fuzzing: atheris has no build for this Python or processor")
    done = subprocess.run(
        command("planted", "--runs=200000"), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode != 0
    assert "IndexError: planted" in done.stdout + done.stderr


def test_the_same_seed_gives_the_same_inputs() -> None:
    corpus = [b"one seed", b"another"]
    first, second = (list(inputs(corpus, 500, Random(3))) for _ in range(2))
    assert first == second
    assert first[:2] == corpus
    assert len(first) == 500
    assert len(set(first)) > 400


def test_mutations_stay_small() -> None:
    rng = Random(4)
    assert all(len(mutate(bytes(MAX_BYTES), [b"\xff" * 64], rng)) <= MAX_BYTES for _ in range(500))
