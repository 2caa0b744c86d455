"""`kill -9` in the middle of commits and turns: what was committed is there, whole, and nothing else is."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.aio import run
from tests.contract.mailbox_store import ANNA, outcome, put
from tests.integration.mailbox_depositor import PER_BATCH, open_store

ROOT = Path(__file__).resolve().parents[2]


def killed_after(directory: Path, acknowledged: int) -> int:
    """Run the depositor until it has said so many batches durable, kill it, and return the last number it said."""
    command = [sys.executable, "-m", "tests.integration.mailbox_depositor", str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(acknowledged)]
        process.kill()
        lines += process.stdout.readlines()
    whole = [line for line in lines if line.endswith("\n")]
    assert len(whole) >= acknowledged
    return int(whole[-1])


@pytest.mark.slow
def test_after_each_kill_everything_committed_is_there_and_nothing_else(tmp_path: Path) -> None:
    async def check(last_said: int) -> None:
        store = await open_store(tmp_path)
        held = await store.load()
        batches, rest = divmod(held.next_seq - 1, PER_BATCH)
        assert rest == 0  # whole batches only
        assert batches - 1 in (last_said, last_said + 1)  # the one that was under way may have been committed
        settled = {
            seq for number in range(batches - 1) for seq in _first_half(number)
        }  # by the batch that came after each
        expected = [seq for seq in range(1, held.next_seq) if seq not in settled]
        assert [w.seq for w in held.waiting] == expected
        assert await store.window(ANNA, expected) == [(seq, put(seq).envelope) for seq in expected]
        for seq in settled:
            assert await store.outcome(put(seq).waiting.handle_hash) == outcome(put(seq))
        assert store.set_aside == 0
        await store.close()

    for acknowledged in (1, 2, 3, 3, 4, 5, 7, 9):
        run(check(killed_after(tmp_path, acknowledged)))


def _first_half(number: int) -> range:
    first = 1 + number * PER_BATCH
    return range(first, first + PER_BATCH // 2)
