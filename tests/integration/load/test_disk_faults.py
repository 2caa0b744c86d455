"""A full disk, and a disk whose fsync fails: no false answer, nothing lost, and no second try of an fsync."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import FileIO
from pathlib import Path

import pytest

from sayso.protocol.frames import Deposited, Refused
from tests.aio import run
from tests.integration.load.aftermath import check
from tests.integration.load.crash_points import Injection, playing, traced
from tests.integration.load.cycle import Journal, Life, envelope
from tests.integration.load.disk import small_disk

pytestmark = pytest.mark.slow
_WRITES = re.compile(r"(pwrite64|fdatasync|fsync|ftruncate)\(\d+<[^>]*/mailbox/mailbox\.db")


@asynccontextmanager
async def living(data: Path, journal: Path) -> AsyncIterator[Life]:
    """A life for the length of the block, ended gracefully."""
    life = Life(data, Journal(journal))
    await life.start()
    async with asyncio.TaskGroup() as tasks:
        driving = tasks.create_task(life.runner.run())
        try:
            yield life
        finally:
            driving.cancel()
    await life.store.close()


def test_a_full_disk_refuses_answers_truly_and_heals_by_itself(tmp_path: Path) -> None:
    async def main(root: Path) -> None:
        ballast = root / "ballast"
        async with living(root / "data", tmp_path / "first") as life:
            life.deposit(1, 2)
            await life.told(1, 2)
            _fill(ballast)
            life.deposit(3, 4)
            await life.until(lambda: len(life.said(Refused)) == 2)
            life.connect()  # what was accepted is delivered: the handed mark has to wait for space, live need not
            ballast.unlink()
            await life.came(1, 2)
            life.ack(1, 2)
            await life.until(lambda: not life.relay.out_of_space(now=life.now()) or _stir(life))
            life.disconnect()
            life.deposit(3, 4)
            await life.told(3, 4)
            await life.runner.settle()
            told = [frame.ref for frame in life.said(Deposited)]
            refused = [frame.ref for frame in life.said(Refused)]
            assert not set(told) & set(refused)
        run_again = Life(root / "data", Journal(tmp_path / "second"))
        held = await run_again.store.load()
        rows = await run_again.store.window(run_again.line.device, [waiting.seq for waiting in held.waiting])
        assert [body for _, body in rows] == [envelope(3), envelope(4)]
        await run_again.store.close()

    with small_disk(tmp_path / "disk", mib=3) as root:
        (root / "data").mkdir(mode=0o700)
        run(main(root))


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        _write_for_ever(file)


def _write_for_ever(file: FileIO) -> None:
    while True:
        file.write(bytes(4096))


def _stir(life: Life) -> bool:
    """Look again soon: space that comes back stirs nobody."""
    asyncio.get_running_loop().call_later(0.05, life._stirred.set)
    return False


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
def test_a_failed_fsync_is_never_tried_again(nth: int, tmp_path: Path) -> None:
    data, first, calls = tmp_path / "data", tmp_path / "first", tmp_path / "calls"
    failing = Injection.failing("fdatasync", "EIO", nth=nth)
    with (
        playing(data, first, "cycle") as played,
        traced([played.threads["main"]], calls, failing, follow=True),
    ):
        assert not played.go()
        assert played.died() == 0, played.errors()
    lines = calls.read_text("utf-8", errors="replace").splitlines()
    failed = next(place for place, line in enumerate(lines) if "EIO" in line)
    assert _WRITES.search(lines[failed])
    assert [line for line in lines[failed + 1 :] if _WRITES.search(line)] == []
    run(check(data, first, tmp_path / "second"))
