"""Residue: whoever gets everything that ever lay on the server's disk opens nothing whose custody ended two turns ago.

The attacker here has more than a stolen disk holds: each state that database, log and shared memory ever went through
(as if no block had been reused), the keyring's directory as it is at the end, and the passphrase. It uses none of the
store's code, and it succeeds where it should: on what still waits, and on everything when the hour key is not turned.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, envelope_id, handle_hash
from sayso.protocol.passphrase import CHEAPEST, open_sealed
from sayso.server.adapters.keyring.file_keyring import PassphraseKeyring
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.system import SystemRandom
from sayso.server.core.hour_ratchet import due
from sayso.server.core.model import Batch, Put, StoredOutcome, Waiting
from tests.aio import run
from tests.fakes.clock import FakeClock

PASSPHRASE: Final = "the attacker was told this one"
HOUR: Final = 3600.0
ENVELOPES: Final = {seq: b"the text of envelope %d " % seq * 40 for seq in range(1, 7)}


def device_of(seq: int) -> DeviceId:
    return DeviceId(b"%016d" % (7_000_000 + seq))


def put(seq: int) -> Put:
    return Put(
        waiting=Waiting(
            seq=seq,
            device=device_of(seq),
            envelope_id=envelope_id(ENVELOPES[seq]),
            handle_hash=handle_hash(b"handle %d" % seq),
            deposited=1.0,
            expires=1e6,
            size=len(ENVELOPES[seq]),
            granted=True,
            handed=False,
        ),
        envelope=ENVELOPES[seq],
    )


def settle(seq: int) -> Batch:
    hashed = handle_hash(b"handle %d" % seq)
    delivered = StoredOutcome(handle_hash=hashed, state=OutcomeState.DELIVERED, granted=True, deposited=1.0, at=2.0)
    return Batch(settled=[(seq, delivered)])


class Server:
    """A mailbox store with its keyring, watched by somebody who copies its disk after each step."""

    def __init__(self, directory: Path) -> None:
        self.mailbox = directory / "mailbox"
        self.keyring_directory = directory / "keyring"
        self.clock = FakeClock()
        self._turned = self.clock.monotonic()
        self.keyring = PassphraseKeyring(
            self.keyring_directory, PASSPHRASE, random=SystemRandom(), clock=self.clock, cost=CHEAPEST
        )
        self.copies: set[bytes] = set()

    async def __aenter__(self) -> Self:
        self.store = await EmbeddedMailboxStore.open(self.mailbox, self.keyring, SystemRandom())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.store.close()
        self.copy()

    async def commit(self, batch: Batch) -> None:
        await self.store.commit(batch)
        self.copy()

    async def an_hour_passes(self) -> None:
        self.clock.advance(HOUR)
        since = self.clock.monotonic() - self._turned
        generation = due(self.store.generation, wall=self.clock.wall(), since_turn=since)
        assert generation is not None
        await self.store.turn(generation)
        self._turned = self.clock.monotonic()
        self.copy()

    def copy(self) -> None:
        self.copies |= {file.read_bytes() for file in self.mailbox.iterdir()}


@dataclass(frozen=True)
class Attacker:
    """Has the copies, the keyring's files and the passphrase; knows which envelope ids and sizes to look for."""

    copies: set[bytes]
    keyring: Path

    def opened(self) -> dict[int, bytes]:
        """Return the envelopes that can be opened, by their seqs."""
        hour_keys = [AESGCM(key) for key in self._hour_keys()]
        found = {}
        for seq in ENVELOPES:
            envelope = next(self._bodies(seq, hour_keys), None)
            if envelope is not None:
                found[seq] = envelope
        return found

    def _hour_keys(self) -> Iterator[bytes]:
        """All wrap keys that derive from what the keyring's files hold: this hour's and some to come."""
        secrets = msgspec.msgpack.decode(open_sealed((self.keyring / "secrets").read_bytes(), PASSPHRASE))
        slot_key = AESGCM(secrets["hours"])
        for file in self.keyring.iterdir():
            content = file.read_bytes()
            for offset in range(len(content) - 67):
                for aad in (b"\0", b"\1"):
                    try:
                        body = slot_key.decrypt(content[offset : offset + 12], content[offset + 12 : offset + 68], aad)
                    except InvalidTag:
                        continue
                    state = body[8:]
                    for _ in range(3):
                        yield hkdf(state, b"sayso/hour-wrap/1")
                        state = hkdf(state, b"sayso/hour-state/1")

    def _bodies(self, seq: int, hour_keys: list[AESGCM]) -> Iterator[bytes]:
        wanted = len(ENVELOPES[seq]) + 16
        aad = device_of(seq) + envelope_id(ENVELOPES[seq]) + struct.pack(">Q", seq)
        for key in set(self._envelope_keys(seq, hour_keys)):
            aead = AESGCM(key)
            for copy in self.copies:
                for offset in range(len(copy) - wanted + 1):
                    try:
                        yield aead.decrypt(bytes(12), copy[offset : offset + wanted], aad)
                    except InvalidTag:
                        continue

    def _envelope_keys(self, seq: int, hour_keys: list[AESGCM]) -> Iterator[bytes]:
        """Try each place behind each copy of the envelope's id, where a row of the mailbox has the wrap."""
        wanted = envelope_id(ENVELOPES[seq])
        aad = struct.pack(">Q", seq) + wanted
        for copy in self.copies:
            at = copy.find(wanted)
            while at >= 0:
                for offset in range(at, min(at + 512, len(copy) - 59)):
                    for key in hour_keys:
                        try:
                            yield key.decrypt(copy[offset : offset + 12], copy[offset + 12 : offset + 60], aad)
                        except InvalidTag:
                            continue
                at = copy.find(wanted, at + 1)


def hkdf(key: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)


def only(*seqs: int) -> dict[int, bytes]:
    return {seq: ENVELOPES[seq] for seq in seqs}


def test_control_without_a_turn_everything_that_ever_waited_can_be_opened(tmp_path: Path) -> None:
    """So the attack works, and what follows means something."""

    async def main() -> Server:
        async with Server(tmp_path) as server:
            await server.commit(Batch(put=[put(seq) for seq in ENVELOPES]))
            for seq in (1, 2, 3):
                await server.commit(settle(seq))
        return server

    server = run(main())
    assert Attacker(server.copies, server.keyring_directory).opened() == ENVELOPES


def test_what_was_settled_cannot_be_opened_after_two_turns_and_what_waits_can(tmp_path: Path) -> None:
    """Envelopes 1 and 2 are acknowledged before the first turn, 3 between the turns; 4 to 6 wait on."""

    async def main() -> Server:
        async with Server(tmp_path) as server:
            await server.commit(Batch(put=[put(seq) for seq in (1, 2, 3, 4)]))
            await server.commit(settle(1))
            await server.commit(Batch(put=[put(5), put(6)], handed={device_of(2): 2}))
            await server.commit(settle(2))
            await server.an_hour_passes()
            await server.commit(settle(3))
            await server.an_hour_passes()
        return server

    server = run(main())
    assert Attacker(server.copies, server.keyring_directory).opened() == only(4, 5, 6)
    # What the files hold in the end names neither the envelopes nor the devices that are done.
    for file in server.mailbox.iterdir():
        content = file.read_bytes()
        for seq in (1, 2, 3):
            assert content.count(envelope_id(ENVELOPES[seq])) == 0
            assert content.count(device_of(seq)) == 0


def test_a_crash_in_the_turn_does_not_keep_the_old_key(tmp_path: Path) -> None:
    """The next start finishes the turn: it does not go on with two keys."""

    async def main() -> Server:
        async with Server(tmp_path) as server:
            await server.commit(Batch(put=[put(1), put(2)]))
            await server.commit(settle(1))
            # As if the process had died after the new state was durable, and before anything was re-wrapped.
            newest = server.keyring.hour_states()[-1]
            state = type(newest)(generation=newest.generation + 1, state=hkdf(newest.state, b"sayso/hour-state/1"))
            server.keyring.add_hour_state(state)
        async with server:
            assert server.keyring.hour_states() == [state]
            assert await server.store.window(device_of(2), [2]) == [(2, ENVELOPES[2])]
        return server

    server = run(main())
    assert Attacker(server.copies, server.keyring_directory).opened() == only(2)
