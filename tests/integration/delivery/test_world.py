"""The simulated world: 500 seeds, each at least sixty steps; at rest, what the people see is right.

They alone reach nine tenths of the branches of `sayso.phone.core`. And the judges are judged: with a recall that lies, or
an SMS that is sent before it is written down, they find something wrong.
"""

import functools
import json
from collections.abc import Callable
from pathlib import Path

import coverage
import pytest

import sayso.phone.core
from sayso.phone.core.texts import Text
from sayso.phone.line.texting import Texting
from sayso.protocol.frames import OutcomeState
from sayso.server.core.relay.endings import Endings
from sayso.server.core.relay.entries import Entry, Question
from sayso.server.core.relay.inquiries import Inquiries
from tests.fakes.simulation import script_of
from tests.integration.delivery.simulate import STEPS, failing, report, wrongs_of

SEEDS, CHUNK = 500, 25
BRANCHES = 0.9
CORE = Path(sayso.phone.core.__file__).parent
PLANTED_SEEDS = 150


@functools.cache
def _reached(tmp: Path) -> Path:
    """Where the chunks write down which branches they have reached."""
    tmp.mkdir(exist_ok=True)
    return tmp


@pytest.fixture(scope="session")
def reached(tmp_path_factory: pytest.TempPathFactory, worker_id: str = "") -> Path:
    """A folder that all workers share."""
    base = tmp_path_factory.getbasetemp()
    return _reached((base.parent if base.name.startswith("popen") else base) / "reached")


def test_a_script_can_be_played_again() -> None:
    script = script_of(7, STEPS)
    assert len(script) == STEPS >= 60  # noqa: PLR2004  as the issue of a failure would need it
    assert script == [tuple(step) for step in json.loads(json.dumps(script))]
    assert wrongs_of(script) == wrongs_of(script) == []


@pytest.mark.xdist_group("world")
def test_500_worlds_are_right_at_rest_and_reach_the_core() -> None:
    measured = coverage.Coverage(branch=True, source=[str(CORE)], data_file=None, messages=False)
    measured.start()
    try:
        found = failing(range(SEEDS))
    finally:
        measured.stop()
    assert found is None, report(*found)
    total, missed = _branches(measured)
    worst = {name: counts for name, counts in missed.items() if counts[1]}
    assert sum(count for _, count in missed.values()) <= (1 - BRANCHES) * total, worst


def _branches(measured: coverage.Coverage) -> tuple[int, dict[str, tuple[int, int]]]:
    counts = {}
    for file in sorted(CORE.glob("*.py")):
        numbers = measured._analyze(str(file)).numbers
        counts[file.stem] = (numbers.n_branches, numbers.n_missing_branches)
    return sum(count for count, _ in counts.values()), counts


def _recall_that_answers_too_early(patch: pytest.MonkeyPatch) -> None:
    """A handed envelope counts as taken back, though the device may have it."""

    def recall_stored(self: Inquiries, entry: Entry, question: Question, *, now: float) -> None:
        endings: Endings = self._endings
        endings.conclude(self._books.mailbox(entry.device), entry, OutcomeState.RECALLED, now=now)
        self._when_durable(question, OutcomeState.RECALLED)

    patch.setattr(Inquiries, "recall_stored", recall_stored)


def _sms_before_the_state(patch: pytest.MonkeyPatch) -> None:
    """The modem gets an SMS under a reference that is not written down yet."""
    hand_over = Texting._hand_over

    async def early(self: Texting, text: Text) -> None:
        await self._modem.send_sms(self._world.random.token_bytes(7)[0] + (text.sms_ref or 0), text.number, text.text)
        await hand_over(self, text)

    patch.setattr(Texting, "_hand_over", early)


@pytest.mark.parametrize("plant", [_recall_that_answers_too_early, _sms_before_the_state])
def test_a_planted_bug_is_found(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert failing(range(PLANTED_SEEDS)) is not None
