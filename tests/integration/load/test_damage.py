"""One flipped bit or a cut anywhere in the mailbox database: found, set aside, and the other mailboxes are served.

Places are drawn by SAYSO_CRASH_SEED: any bit of the file, the head of any page (where a bit costs most), any length.
SAYSO_DAMAGE_CASES says how many.
"""

import os
import shutil
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from sayso.protocol.ids import DeviceId
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.system import SystemRandom
from sayso.server.core.model import Batch
from sayso.server.errors import CorruptError
from tests.aio import run
from tests.contract.mailbox_store import outcome, put
from tests.fakes.keyring import MemoryKeyring

pytestmark = pytest.mark.slow
SEED = os.environ.get("SAYSO_CRASH_SEED", "2014")
CASES = int(os.environ.get("SAYSO_DAMAGE_CASES", "36"))
SHARDS = 4
PAGE = 8192
DEVICES = [DeviceId(b"device %9d" % number) for number in range(20)]
PER_DEVICE = 20
PAGE_OF_ROWS = 48
"""Waiting envelopes whose rows one page holds, at most; of bodies of 2 KiB it holds three."""
KEYRING = MemoryKeyring(generation=100)


def device_of(seq: int) -> DeviceId:
    return DEVICES[seq % len(DEVICES)]


def envelope(seq: int) -> bytes:
    return b"%08d" % seq * 256


async def make(directory: Path) -> None:
    """Make mailboxes with 380 envelopes waiting, and outcomes."""
    store = await EmbeddedMailboxStore.open(directory, KEYRING, SystemRandom())
    seqs = range(1, len(DEVICES) * PER_DEVICE + 1)
    await store.commit(Batch(put=[put(seq, device_of(seq), envelope=envelope(seq)) for seq in seqs]))
    await store.commit(Batch(outcomes=[outcome(put(seq)) for seq in range(1000, 1400)]))
    await store.commit(Batch(settled=[(seq, outcome(put(seq))) for seq in range(1, 21)]))
    await store.close()


async def serve(directory: Path) -> set[int]:
    """Do what a server does: deliver everything, take something new, settle everything. Returns what phones got.

    Raises:
        CorruptError: damage that only the next start works around.
    """
    store = await EmbeddedMailboxStore.open(directory, KEYRING, SystemRandom())
    try:
        held = await store.load()
        got: set[int] = set()
        for device in DEVICES:
            seqs = [one.seq for one in held.waiting if one.device == device]
            rows = await store.window(device, seqs)
            assert all(body == envelope(seq) for seq, body in rows)  # never a wrong byte
            got.update(seq for seq, _ in rows)
        await store.commit(Batch(put=[put(held.next_seq, envelope=b"new" * 700)]))
        await store.commit(Batch(settled=[(one.seq, outcome(put(one.seq))) for one in held.waiting]))
        return got
    finally:
        await store.close()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sound") / "mailbox"
    run(make(directory))
    return directory


def copied(sound: Path, scratch: Path) -> Path:
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(sound, scratch)
    return scratch


def served(directory: Path) -> set[int]:
    """Serve; where damage stops the server, start it once more, as a supervisor does."""
    try:
        return run(serve(directory))
    except CorruptError:
        return run(serve(directory))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_flipped_bit_costs_one_page_at_most(sound: Path, shard: int, tmp_path: Path) -> None:
    random = Random(f"{SEED} flip {shard}")
    size = (sound / "mailbox.db").stat().st_size
    for case in range(CASES // SHARDS):
        directory = copied(sound, tmp_path / "mailbox")
        place = random.randrange(size) if case % 2 else random.randrange(size // PAGE) * PAGE + random.randrange(12)
        path = directory / "mailbox.db"
        content = bytearray(path.read_bytes())
        content[place] ^= 1 << random.randrange(8)
        path.write_bytes(content)
        found = served(directory)
        per_device = Counter(device_of(seq) for seq in found)
        assert 380 - len(found) <= PAGE_OF_ROWS, f"page {place // PAGE + 1}, byte {place % PAGE}"
        assert all(per_device[device] > 0 for device in DEVICES)  # each mailbox is served


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_cut_costs_what_was_cut_off(sound: Path, shard: int, tmp_path: Path) -> None:
    random = Random(f"{SEED} cut {shard}")
    size = (sound / "mailbox.db").stat().st_size
    for _ in range(CASES // SHARDS // 3):
        directory = copied(sound, tmp_path / "mailbox")
        length = random.randrange(size // 4, size)
        os.truncate(directory / "mailbox.db", length)
        assert served(directory)
        assert [path.stat().st_size for path in tmp_path.glob("mailbox/mailbox-damaged-*.db")] == [length]


def test_a_file_of_which_nothing_is_left_is_refused_with_what_to_do(sound: Path, tmp_path: Path) -> None:
    directory = copied(sound, tmp_path / "mailbox")
    os.truncate(directory / "mailbox.db", 100)
    with pytest.raises(CorruptError, match="restore it from a backup"):
        run(serve(directory))
    assert (directory / "mailbox.db").stat().st_size == 100
