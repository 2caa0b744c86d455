"""Keyrings in files: made at first use, the same ever after, closed to all others."""

from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path
from typing import TypeAlias

import pytest

from sayso.protocol import passphrase as sealed_by_passphrase
from sayso.protocol.passphrase import CHEAPEST, Cost
from sayso.protocol.xwing import SealPrivateKey, SealPublicKey
from sayso.server.adapters.keyring.file_keyring import PassphraseKeyring, PlainKeyring
from sayso.server.adapters.system import SystemRandom
from sayso.server.core.hour_ratchet import hour_of
from sayso.server.errors import ConfigError, KeyringError
from sayso.server.ports import HourState, Keyring
from tests.fakes.clock import FakeClock

Opened: TypeAlias = Callable[[Path], Keyring]

PASSPHRASE = "correct horse"


def plain(directory: Path) -> Keyring:
    return PlainKeyring(directory, random=SystemRandom(), clock=FakeClock())


def sealed(directory: Path, passphrase: str = PASSPHRASE) -> PassphraseKeyring:
    return PassphraseKeyring(directory, passphrase, random=SystemRandom(), clock=FakeClock(), cost=CHEAPEST)


KINDS = pytest.mark.parametrize("opened", [plain, sealed])


@KINDS
def test_secrets_are_made_once(tmp_path: Path, opened: Opened) -> None:
    first = opened(tmp_path / "keyring")
    again = opened(tmp_path / "keyring")
    assert first.secrets() == again.secrets()
    assert first.hour_states() == again.hour_states()
    assert first.secrets() != opened(tmp_path / "other").secrets()


@KINDS
def test_secrets_have_their_shapes_and_differ_from_each_other(tmp_path: Path, opened: Opened) -> None:
    secrets = opened(tmp_path / "keyring").secrets()
    seeds = [secrets.long_term, secrets.certificate, secrets.receipt, secrets.voprf, secrets.codes]
    assert {len(seed) for seed in seeds} == {32}
    assert len(set(seeds)) == len(seeds)
    registrar = SealPrivateKey(secrets.registrar)
    sealed_number = SealPublicKey(registrar.public_bytes()).seal(b"a number", info=b"i")
    assert registrar.open(sealed_number, info=b"i") == b"a number"
    assert 0 <= secrets.epoch <= 255


@KINDS
def test_the_first_hour_key_is_of_this_hour(tmp_path: Path, opened: Opened) -> None:
    (state,) = opened(tmp_path / "keyring").hour_states()
    assert state.generation == hour_of(FakeClock().wall())
    assert len(state.state) == 32


@KINDS
def test_a_turn_is_there_after_a_restart(tmp_path: Path, opened: Opened) -> None:
    keyring = opened(tmp_path / "keyring")
    (old,) = keyring.hour_states()
    new = HourState(generation=old.generation + 1, state=b"n" * 32)
    keyring.add_hour_state(new)
    assert opened(tmp_path / "keyring").hour_states() == [old, new]
    keyring.destroy_hour_states_before(new.generation)
    assert opened(tmp_path / "keyring").hour_states() == [new]


@KINDS
@pytest.mark.parametrize(("name", "mode"), [(".", 0o750), ("secrets", 0o640), ("secrets", 0o604), ("hours", 0o644)])
def test_what_others_can_read_is_refused(tmp_path: Path, opened: Opened, name: str, mode: int) -> None:
    opened(tmp_path / "keyring")
    (tmp_path / "keyring" / name).chmod(mode)
    with pytest.raises(ConfigError, match=r"run `chmod [67]00 "):
        opened(tmp_path / "keyring")


@KINDS
def test_all_files_are_for_their_owner_only(tmp_path: Path, opened: Opened) -> None:
    opened(tmp_path / "keyring")
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "keyring").iterdir()}
    assert modes == {"secrets": 0o600, "hours": 0o600}
    assert (tmp_path / "keyring").stat().st_mode & 0o777 == 0o700


@KINDS
def test_a_damaged_file_is_an_error_and_stays_as_it_is(tmp_path: Path, opened: Opened) -> None:
    opened(tmp_path / "keyring")
    path = tmp_path / "keyring" / "secrets"
    damaged = path.read_bytes()[:-1]
    path.write_bytes(damaged)
    with pytest.raises(KeyringError):
        opened(tmp_path / "keyring")
    assert path.read_bytes() == damaged


def test_under_a_passphrase_no_secret_is_readable(tmp_path: Path) -> None:
    keyring = sealed(tmp_path / "keyring")
    secrets = [value for value in astuple(keyring.secrets()) if isinstance(value, bytes)]
    secrets += [state.state for state in keyring.hour_states()]
    for file in (tmp_path / "keyring").iterdir():
        content = file.read_bytes()
        assert not any(secret in content for secret in secrets)


def test_a_wrong_passphrase_opens_nothing_and_says_so(tmp_path: Path) -> None:
    sealed(tmp_path / "keyring")
    with pytest.raises(KeyringError, match="wrong passphrase"):
        sealed(tmp_path / "keyring", "wrong horse")
    sealed(tmp_path / "keyring").secrets()


def test_one_kind_does_not_open_the_other(tmp_path: Path) -> None:
    sealed(tmp_path / "sealed")
    plain(tmp_path / "plain")
    with pytest.raises(KeyringError):
        plain(tmp_path / "sealed")
    with pytest.raises(KeyringError):
        sealed(tmp_path / "plain")


def test_power_loss_between_the_two_files_is_healed_by_the_next_start(tmp_path: Path) -> None:
    before = sealed(tmp_path / "keyring").secrets()
    (tmp_path / "keyring" / "hours").unlink()
    after = sealed(tmp_path / "keyring")
    assert after.secrets() == before
    assert len(after.hour_states()) == 1


def test_argon2_runs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed(tmp_path / "keyring")
    calls = []
    original = sealed_by_passphrase.derive

    def counted(passphrase: str, salt: bytes, cost: Cost) -> bytes:
        calls.append(1)
        return original(passphrase, salt, cost)

    monkeypatch.setattr(sealed_by_passphrase, "derive", counted)
    keyring = sealed(tmp_path / "keyring")
    keyring.secrets()
    (state,) = keyring.hour_states()
    keyring.add_hour_state(HourState(generation=state.generation + 1, state=bytes(32)))
    keyring.destroy_hour_states_before(state.generation + 1)
    keyring.rewrite(replace(keyring.secrets(), epoch=2))
    assert len(calls) == 1


def test_nothing_secret_is_in_a_repr(tmp_path: Path) -> None:
    keyring = sealed(tmp_path / "keyring")
    assert PASSPHRASE not in repr(keyring)
    assert PASSPHRASE not in repr(vars(keyring))
