"""Rotation: what replaces a key, and how the old one ends."""

from dataclasses import fields, replace
from pathlib import Path

import msgspec
import pytest

from sayso.protocol import api
from sayso.protocol.certificate import read_certificate
from sayso.protocol.errors import CertificateError
from sayso.protocol.limits import DAY
from sayso.protocol.statement import read_statement
from sayso.server.core.retiring import KeyKind, of_kind
from sayso.server.errors import ConfigError, KeyringError
from sayso.server.services.rotation import rotated
from tests.aio import run
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.control_world import SeededRandom, ServerClock, secrets
from tests.fakes.enrolling_device import EnrollingDevice
from tests.fakes.secrets_file import MemorySecrets

ALICE = "+447700900001"
CHANGED = {
    KeyKind.VOPRF: {"voprf", "epoch"},
    KeyKind.REGISTRAR: {"registrar", "registrar_id"},
    KeyKind.CERTIFICATE: {"certificate"},
    KeyKind.RECEIPT: {"receipt"},
}


@pytest.mark.parametrize("kind", KeyKind)
def test_one_key_is_replaced_and_the_old_one_kept_beside_it(kind: KeyKind) -> None:
    before = secrets()
    after = rotated(before, kind, SeededRandom(9))
    differ = {one.name for one in fields(before) if getattr(before, one.name) != getattr(after, one.name)}
    assert differ == {"retiring", *CHANGED[kind]}
    old = of_kind(after.retiring, kind)
    assert old is not None
    assert old.key == getattr(before, kind.value)
    assert old.until is None
    assert len(getattr(after, kind.value)) == len(old.key)


def test_epochs_and_ids_go_on_by_one() -> None:
    before = replace(secrets(), epoch=255)
    after = rotated(rotated(before, KeyKind.VOPRF, SeededRandom(9)), KeyKind.REGISTRAR, SeededRandom(9))
    assert (after.epoch, after.registrar_id) == (0, 4)
    assert [(one.kind, one.number) for one in after.retiring] == [(KeyKind.VOPRF, 255), (KeyKind.REGISTRAR, 3)]


@pytest.mark.parametrize("kind", KeyKind)
def test_a_key_is_not_replaced_again_while_two_are_in_force(kind: KeyKind) -> None:
    once = rotated(secrets(), kind, SeededRandom(9))
    with pytest.raises(ConfigError, match="less than 14 days"):
        rotated(once, kind, SeededRandom(9))


async def certificate(device: EnrollingDevice, server: ControlServer, *, key: bytes) -> bytes:
    """A fresh certificate's token, if it is signed with `key`."""
    answer = await device.post(api.CERTIFICATE_PATH, api.Empty())
    wire = msgspec.json.decode(answer.body, type=api.Renewed).certificate
    return read_certificate(wire, certificate_key=key, server=server.control.identity.digest).token


def test_a_new_certificate_key_is_stated_for_a_day_before_it_signs(tmp_path: Path) -> None:
    async def main() -> None:
        clock, keys = ServerClock(), MemorySecrets()
        async with control_server(tmp_path, clock=clock, keys=keys) as server:
            device = await server.enrolled(ALICE)
            old = device.statement.certificate_key
        keys.held = rotated(keys.held, KeyKind.CERTIFICATE, SeededRandom(5))
        async with control_server(tmp_path, clock=clock, keys=keys, seed=2) as server:
            device.client = server.client
            device.nonces.clear()
            await device.fetch_statement()
            new = device.statement.certificate_key
            assert new != old == device.statement.other_certificate_key
            clock.seconds += DAY - 1
            device.nonces.clear()
            await certificate(device, server, key=old)
            clock.seconds += 1
            device.nonces.clear()
            await certificate(device, server, key=new)
            with pytest.raises(CertificateError):
                await certificate(device, server, key=old)

    run(main())


@pytest.mark.parametrize("kind", KeyKind)
def test_at_the_end_the_old_key_is_gone_from_keyring_and_statement(kind: KeyKind, tmp_path: Path) -> None:
    async def main() -> None:
        clock, keys = ServerClock(), MemorySecrets(rotated(secrets(), kind, SeededRandom(5)))
        async with control_server(tmp_path, clock=clock, keys=keys) as server:
            identity = server.control.identity
            during = identity.statement
            clock.seconds += 14 * DAY - 1
            await server.control.sweep()
            assert identity.statement == during
            clock.seconds += 1
            await server.control.sweep()
            assert keys.held.retiring == []
            statement, _ = read_statement(identity.statement, pinned=identity.digest)
            assert len(statement.epochs) == 1
            assert statement.other_certificate_key is None
            assert statement.other_receipt_key is None
            assert identity.epochs == (keys.held.epoch,)

    run(main())


def test_a_restart_neither_shortens_nor_lengthens_an_overlap(tmp_path: Path) -> None:
    async def main() -> None:
        clock, keys = ServerClock(), MemorySecrets(rotated(secrets(), KeyKind.RECEIPT, SeededRandom(5)))
        async with control_server(tmp_path, clock=clock, keys=keys):
            clock.seconds += 13 * DAY
        async with control_server(tmp_path, clock=clock, keys=keys) as server:
            await server.control.sweep()
            assert keys.held.retiring
        clock.seconds += DAY
        async with control_server(tmp_path, clock=clock, keys=keys):
            assert not keys.held.retiring, "an end that came while the server was starting is not waited for"

    run(main())


def test_a_keyring_that_cannot_be_written_leaves_all_as_it_was(tmp_path: Path) -> None:
    async def main() -> None:
        clock, keys = ServerClock(), MemorySecrets(rotated(secrets(), KeyKind.VOPRF, SeededRandom(5)))
        async with control_server(tmp_path, clock=clock, keys=keys) as server:
            identity = server.control.identity
            stated = identity.statement
            clock.seconds += 14 * DAY
            keys.broken = True
            with pytest.raises(KeyringError):
                await server.control.sweep()
            assert (identity.statement, len(identity.epochs)) == (stated, 2)
            assert server.control.sets.document is not None, "what else is due is done"
            keys.broken = False
            await server.control.sweep()
            assert len(identity.epochs) == 1

    run(main())
