"""Keyrings of older versions open, keep every secret, and are brought on."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sayso.protocol import passphrase as sealed_by_passphrase
from sayso.protocol.passphrase import CHEAPEST
from sayso.server.adapters.keyring.file_keyring import PassphraseKeyring, PlainKeyring
from sayso.server.adapters.keyring.versions import VERSION, brought_on
from sayso.server.adapters.system import SystemRandom
from sayso.server.errors import KeyringError
from sayso.server.ports import Keyring
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import SeededRandom

PASSPHRASE = "correct horse"


def plain(directory: Path) -> Keyring:
    return PlainKeyring(directory, random=SystemRandom(), clock=FakeClock())


def sealed(directory: Path) -> Keyring:
    return PassphraseKeyring(directory, PASSPHRASE, random=SystemRandom(), clock=FakeClock(), cost=CHEAPEST)


def rewritten(directory: Path, change: Callable[[dict[str, Any]], None], *, under_passphrase: bool) -> None:
    """Change what the keyring's file says, as another version would have written it."""
    path = directory / "secrets"
    content = path.read_bytes()
    if under_passphrase:
        content = sealed_by_passphrase.open_sealed(content, PASSPHRASE)
    fields = msgspec.msgpack.decode(content)
    change(fields)
    content = msgspec.msgpack.encode(fields)
    if under_passphrase:
        content = sealed_by_passphrase.seal(content, PASSPHRASE, salt=b"s" * 16, nonce=b"n" * 12, cost=CHEAPEST)
    path.write_bytes(content)


def to_version_1(fields: dict[str, Any]) -> None:
    fields["version"] = 1
    del fields["secrets"]["pins"]


@pytest.mark.parametrize("opened", [plain, sealed])
def test_a_keyring_of_version_1_opens_with_all_it_had_and_gets_a_key_for_pins(
    opened: Callable[[Path], Keyring], tmp_path: Path
) -> None:
    directory = tmp_path / "keyring"
    before, hours = opened(directory).secrets(), opened(directory).hour_states()
    rewritten(directory, to_version_1, under_passphrase=opened is sealed)
    after = opened(directory)
    assert {**asdict(after.secrets()), "pins": b""} == {**asdict(before), "pins": b""}
    assert len(after.secrets().pins) == 32
    assert after.hour_states() == hours
    assert opened(directory).secrets() == after.secrets(), "it is kept"
    assert (directory / "secrets").stat().st_mode & 0o777 == 0o600


def test_a_newer_keyring_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    directory = tmp_path / "keyring"
    plain(directory)
    rewritten(directory, lambda fields: fields.update(version=VERSION + 1), under_passphrase=False)
    content = (directory / "secrets").read_bytes()
    with pytest.raises(KeyringError, match="newer Sayso"):
        plain(directory)
    assert (directory / "secrets").read_bytes() == content


@pytest.mark.parametrize("version", [0, -1, "1", None, True])
def test_a_version_that_never_was_is_damage(version: object, tmp_path: Path) -> None:
    directory = tmp_path / "keyring"
    plain(directory)

    def change(fields: dict[str, Any]) -> None:
        to_version_1(fields)
        fields["version"] = version

    rewritten(directory, change, under_passphrase=False)
    with pytest.raises(KeyringError, match="damaged"):
        plain(directory)


def test_the_present_version_is_left_alone() -> None:
    assert brought_on({"version": VERSION}, SeededRandom()) is None
    assert brought_on({"version": VERSION + 1}, SeededRandom()) is None
