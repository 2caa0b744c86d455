"""The simulated world: 500 seeds, each at least sixty steps; at rest, what the people see is right.

They alone reach nine tenths of all branches of `sayso.phone.core`: each line has another kind of modem, read by the
adapters of production. And the judges are judged: with a recall that lies, an SMS that is sent before it is written
down, one that is deleted before it is, or halves of two texts that are made one, they find something wrong.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import coverage
import pytest

import sayso.phone.core
from sayso.phone.core.sms import assembly
from sayso.phone.core.texts import Text
from sayso.phone.line.incoming_sms import IncomingSmsDesk
from sayso.phone.line.texting import Texting
from sayso.phone.ports import IncomingSms
from sayso.protocol.frames import OutcomeState
from sayso.server.core.relay.endings import Endings
from sayso.server.core.relay.entries import Entry, Question
from sayso.server.core.relay.inquiries import Inquiries
from tests.fakes.world.script import script_of
from tests.integration.delivery.simulate import STEPS, failing, report, wrongs_of

SEEDS, MEASURED, CHUNK = 500, 150, 50
"""Some of the worlds are measured, which makes them dearer by half; they reach enough."""
BRANCHES = 0.9
CORE = Path(sayso.phone.core.__file__).parent
PLANTED_SEEDS = 100
Arcs = dict[str, list[tuple[int, int]]]


@pytest.fixture(scope="session")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of a run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "branches-missed"
    folder.mkdir(exist_ok=True)
    return folder


def test_a_script_can_be_played_again() -> None:
    script = script_of(7, STEPS)
    assert len(script) == STEPS >= 60
    assert wrongs_of(script) == wrongs_of([(*step,) for step in json.loads(json.dumps(script))]) == []


@pytest.mark.parametrize("first", range(MEASURED, SEEDS, CHUNK))
def test_worlds_are_right_at_rest(first: int) -> None:
    found = failing(range(first, first + CHUNK))
    assert found is None, report(*found)


@pytest.mark.parametrize("first", range(0, MEASURED, CHUNK))
def test_worlds_are_right_at_rest_and_reach_the_core(first: int, together: Path) -> None:
    """Whichever chunk comes last says which branches of the core none of them has reached."""
    measured = coverage.Coverage(branch=True, source=[str(CORE)], data_file=None, messages=False)
    measured.start()
    try:
        found = failing(range(first, first + CHUNK))
    finally:
        measured.stop()
    assert found is None, report(*found)
    total, missed = _branches(measured)
    fresh = together / f"{first}.tmp"
    fresh.write_text(json.dumps(missed))
    fresh.rename(fresh.with_suffix(".json"))
    chunks = [json.loads(file.read_text()) for file in together.glob("*.json")]
    if len(chunks) == MEASURED // CHUNK:
        never = set.intersection(*({tuple(arc) for arc in chunk} for chunk in chunks))
        print(f"{total - len(never)} of {total} branches of phone/core reached")
        assert (total - len(never)) / total >= BRANCHES, sorted(never)


def _branches(measured: coverage.Coverage) -> tuple[int, list[tuple[str, int, int]]]:
    """How many branches the core has, and those that were not taken."""
    total, missed = 0, []
    for file in sorted(CORE.rglob("*.py")):
        analysis = measured._analyze(str(file))
        total += analysis.numbers.n_branches
        # An arc out of the function, past the last case of a match, is one that the type checker has ruled out.
        left = analysis.missing_branch_arcs().items()
        missed += [(str(file.relative_to(CORE)), at, to) for at, ends in left for to in ends if to > 0]
    return total, missed


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


def _sms_deleted_before_it_is_stored(patch: pytest.MonkeyPatch) -> None:
    """The modem has no SMS any more that the phone does not have yet."""
    take = IncomingSmsDesk.take

    async def early(self: IncomingSmsDesk, sms: IncomingSms) -> None:
        if not sms.stays:
            await self._modem.delete_sms(sms.index)
        await take(self, sms)

    patch.setattr(IncomingSmsDesk, "take", early)


def _halves_of_two_texts(patch: pytest.MonkeyPatch) -> None:
    """Parts under one reference are one text, however far apart they were sent."""
    patch.setattr(assembly, "TOGETHER_S", float("inf"))


@pytest.mark.parametrize(
    "plant",
    [
        _recall_that_answers_too_early,
        _sms_before_the_state,
        _sms_deleted_before_it_is_stored,
        _halves_of_two_texts,
    ],
)
def test_a_planted_bug_is_found(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert failing(range(PLANTED_SEEDS)) is not None
