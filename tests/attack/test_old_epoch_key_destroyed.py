"""After an overlap the old VOPRF key is gone: whoever takes the disk then cannot try numbers against old tokens."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sayso.protocol import api
from sayso.protocol.api import ProblemType
from sayso.protocol.limits import LIMITS
from sayso.protocol.passphrase import CHEAPEST
from sayso.protocol.tokens import Blinded
from sayso.server.adapters.keyring.file_keyring import FileKeyring, PassphraseKeyring, PlainKeyring
from sayso.server.adapters.system import SystemRandom
from sayso.server.core.retiring import KeyKind
from sayso.server.ports import ServerSecrets
from sayso.server.services.rotation import rotated
from tests.aio import run
from tests.fakes.clock import FakeClock
from tests.fakes.control_server import control_server
from tests.fakes.control_world import ServerClock
from tests.fakes.secrets_file import MemorySecrets

ALICE, BOB = "+447700900001", "+447700900002"


class KeyringFile(MemorySecrets):
    """Secrets that lie in a keyring on disk."""

    def __init__(self, keyring: FileKeyring) -> None:
        super().__init__(keyring.secrets())
        self.keyring = keyring

    def rewrite(self, secrets: ServerSecrets) -> None:
        self.keyring.rewrite(secrets)
        super().rewrite(secrets)


def opened(folder: Path, *, plain: bool) -> FileKeyring:
    if plain:
        return PlainKeyring(folder / "keyring", random=SystemRandom(), clock=FakeClock())
    return PassphraseKeyring(
        folder / "keyring", "correct horse", random=SystemRandom(), clock=FakeClock(), cost=CHEAPEST
    )


@contextmanager
def held_open(path: Path) -> Iterator[int]:
    """A descriptor of the file as it lies now: what replaces it by name leaves this one where it is."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("kind", KeyKind)
def test_no_file_and_no_block_of_the_keyring_has_it(kind: KeyKind, plain: bool, tmp_path: Path) -> None:  # noqa: FBT001  a parameter
    """Not under its name, not under the name that the old file had, and not in the old file's blocks."""

    async def main() -> None:
        clock, keyring = ServerClock(), opened(tmp_path, plain=plain)
        before = keyring.secrets()
        old: bytes = getattr(before, kind.value)
        keyring.rewrite(rotated(before, kind, SystemRandom()))
        keys = KeyringFile(keyring)
        async with control_server(tmp_path, clock=clock, keys=keys) as server:
            with held_open(tmp_path / "keyring" / "secrets") as blocks:
                sealed = os.pread(blocks, 100_000, 0)
                assert (old in sealed) == plain
                clock.seconds += LIMITS.key_overlap_s
                await server.control.sweep()
                after = os.pread(blocks, 100_000, 0)
                assert len(after) == len(sealed)
                assert not set(_parts(sealed)) & set(_parts(after)), "overwritten where it lay"
        assert keys.held.retiring == []
        assert opened(tmp_path, plain=plain).secrets() == keys.held
        assert not any(old in content for content in contents(tmp_path))
        assert sorted(file.name for file in (tmp_path / "keyring").iterdir()) == ["hours", "secrets"]

    run(main())


def test_nothing_is_evaluated_or_found_under_the_old_epoch(tmp_path: Path) -> None:
    """Old tokens, of lines that moved and of lines that did not, are nobody's; the database has none of them."""

    async def main() -> None:
        clock, keys = ServerClock(), MemorySecrets()
        async with control_server(tmp_path, clock=clock, keys=keys) as server:
            alice, bob = await server.reachable(ALICE), await server.reachable(BOB)
            old = [server.token(alice), server.token(bob)]
        keys.held = rotated(keys.held, KeyKind.VOPRF, SystemRandom())
        async with control_server(tmp_path, clock=clock, keys=keys, seed=2) as server:
            alice.client = server.client
            alice.nonces.clear()
            await alice.fetch_statement()
            assert (await alice.post(api.EPOCH_PATH, alice.move_body)).status == 200
            ends = clock.running() + 2 * LIMITS.key_overlap_s
            await server.control.renew_leases({alice.device: ends, bob.device: ends})
            clock.seconds += LIMITS.key_overlap_s
            await server.control.sweep()
            alice.nonces.clear()
            blinded = Blinded([b"anybody"])
            asked = await alice.post(api.EVALUATE_PATH, api.Evaluate(5, blinded.elements))
            assert asked.problem == ProblemType.EPOCH
            answer = await alice.post(api.CLAIM_PATH, api.Claim(alice.drawn(), [api.ClaimLine(token) for token in old]))
            assert answer.body.count(b'"devices":[]') == 2
            await server.control.sweep()
            assert not any(token in content for token in old for content in contents(tmp_path))

    run(main())


def contents(folder: Path) -> list[bytes]:
    """Of every file below a folder."""
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


def _parts(content: bytes) -> list[bytes]:
    return [content[at : at + 16] for at in range(0, len(content) - 15, 16)]
