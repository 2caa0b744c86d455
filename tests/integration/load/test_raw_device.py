"""Residue on the raw device: whoever images the disk below the file system opens nothing that was delivered.

The attacker has every block of an ext4 file system, the keyring's files as they are now, and knows envelope ids and
seqs. He looks for each id anywhere, and takes whatever follows it for a wrap. The control shows that this works while
the hour key is there.
"""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from sayso.protocol.ids import EnvelopeId, envelope_id
from sayso.server.adapters.keyring.file_keyring import PlainKeyring
from sayso.server.adapters.keyring.hour_file import SLOT_BYTES
from sayso.server.adapters.mailbox.sealing import WRAP_BYTES, WrapKeys
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.core.model import Batch
from sayso.server.errors import CorruptError
from tests.aio import run
from tests.contract.mailbox_store import ANNA, outcome, put
from tests.integration.load.disk import power_loss_disk

pytestmark = pytest.mark.slow
SEQS = range(1, 41)
REACH = 200
"""Bytes after an envelope's id within which its wrap lies: hash of the handle, times, numbers."""


def envelope(seq: int) -> bytes:
    return b"%04d a text that was delivered long ago " % seq * 50


def keyring(data: Path) -> PlainKeyring:
    return PlainKeyring(data / "keyring", random=SystemRandom(), clock=SystemClock())


def opened(device: bytes, keys: WrapKeys, generations: Iterable[int]) -> set[int]:
    """Return the envelopes whose keys the attacker gets out of a raw image."""
    found = set()
    for seq in SEQS:
        name = envelope_id(envelope(seq))
        at = device.find(name)
        while at >= 0:
            if _unwraps(device[at : at + REACH], keys, generations, seq, name):
                found.add(seq)
                break
            at = device.find(name, at + 1)
    return found


def _unwraps(window: bytes, keys: WrapKeys, generations: Iterable[int], seq: int, name: EnvelopeId) -> bool:
    for start in range(16, len(window) - WRAP_BYTES):
        for generation in generations:
            try:
                keys.unwrap(generation, window[start : start + WRAP_BYTES], seq=seq, envelope_id=name)
            except CorruptError:
                continue
            return True
    return False


def raw(image: Path) -> bytes:
    os.sync()
    return image.read_bytes()


def test_what_was_delivered_cannot_be_opened_from_the_raw_device(tmp_path: Path) -> None:
    async def deposit(data: Path) -> None:
        store = await EmbeddedMailboxStore.open(data / "mailbox", keyring(data), SystemRandom())
        for seq in SEQS:  # one commit each: the log gets many copies
            await store.commit(Batch(put=[put(seq, ANNA, envelope=envelope(seq))]))
        await store.close()

    async def deliver_and_pass_two_hours(data: Path) -> None:
        store = await EmbeddedMailboxStore.open(data / "mailbox", keyring(data), SystemRandom())
        await store.commit(Batch(settled=[(seq, outcome(put(seq))) for seq in SEQS]))
        for _ in range(2):
            await store.turn(store.generation + 1)
        await store.close()

    with power_loss_disk(tmp_path / "place") as disk:
        data, image = disk.root / "data", tmp_path / "place" / "disk.img"
        data.mkdir(mode=0o700)
        run(deposit(data))
        subprocess.run(["sync", "-f", str(disk.root)], check=True)
        states = keyring(data).hour_states()
        generations = [state.generation for state in states]
        slot = (data / "keyring" / "hours").read_bytes()[:SLOT_BYTES]
        before = raw(image)
        assert slot in before
        assert opened(before, WrapKeys(states), generations) == set(SEQS)  # the control

        run(deliver_and_pass_two_hours(data))
        subprocess.run(["sync", "-f", str(disk.root)], check=True)
        now = keyring(data).hour_states()
        after = raw(image)
        assert any(after.find(envelope_id(envelope(seq))) >= 0 for seq in SEQS)  # names do stay in freed blocks
        assert opened(after, WrapKeys(now), [state.generation for state in now]) == set()
        assert opened(after, WrapKeys(states), generations)  # so all hangs on this key ...
        assert not {state.generation for state in now} & set(generations)
        assert slot not in after  # ... of which no block has a copy left: the file was overwritten where it lies
        for device in (before, after):
            assert b"a text that was delivered long ago" not in device
