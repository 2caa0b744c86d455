"""Hour states lie in two slots that are overwritten in place."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sayso.server.adapters.keyring.hour_file import SLOT_BYTES, SLOTS, HourFile
from sayso.server.adapters.system import SystemRandom
from sayso.server.errors import ConfigError, KeyringError
from sayso.server.ports import HourState

KEY = bytes(32)
FIRST = HourState(generation=10, state=b"a" * 32)
SECOND = HourState(generation=11, state=b"b" * 32)
THIRD = HourState(generation=15, state=b"c" * 32)


def made(path: Path) -> HourFile:
    file = HourFile(path / "hours", KEY, SystemRandom())
    file.create(FIRST)
    return file


def test_a_turn_leaves_one_state_after_the_other(tmp_path: Path) -> None:
    file = made(tmp_path)
    inode, size = (tmp_path / "hours").stat().st_ino, SLOTS * SLOT_BYTES
    for old, new in ((FIRST, SECOND), (SECOND, THIRD)):
        assert file.states() == [old]
        file.add(new)
        assert file.states() == [old, new]
        file.destroy_before(new.generation)
        assert HourFile(tmp_path / "hours", KEY, SystemRandom()).states() == [new]
        status = (tmp_path / "hours").stat()
        assert (status.st_ino, status.st_size) == (inode, size)  # the same blocks: nothing of the old one is elsewhere
    assert [entry.name for entry in tmp_path.iterdir()] == ["hours"]


def test_destroying_changes_every_byte_region_of_the_old_slot(tmp_path: Path) -> None:
    file = made(tmp_path)
    before = (tmp_path / "hours").read_bytes()[:SLOT_BYTES]
    file.add(SECOND)
    file.destroy_before(11)
    after = (tmp_path / "hours").read_bytes()[:SLOT_BYTES]
    assert all(before[at : at + 16] != after[at : at + 16] for at in range(0, SLOT_BYTES, 16))


def test_the_state_is_not_readable_in_the_file(tmp_path: Path) -> None:
    made(tmp_path)
    assert FIRST.state not in (tmp_path / "hours").read_bytes()


def test_the_last_state_is_never_destroyed(tmp_path: Path) -> None:
    file = made(tmp_path)
    with pytest.raises(KeyringError, match="last hour key"):
        file.destroy_before(11)
    assert file.states() == [FIRST]


@pytest.mark.parametrize("generation", [9, 10])
def test_an_older_or_equal_one_is_not_added(tmp_path: Path, generation: int) -> None:
    file = made(tmp_path)
    with pytest.raises(KeyringError, match="only after an older one"):
        file.add(HourState(generation=generation, state=b"x" * 32))
    assert file.states() == [FIRST]


def test_a_third_one_is_not_added(tmp_path: Path) -> None:
    file = made(tmp_path)
    file.add(SECOND)
    with pytest.raises(KeyringError):
        file.add(THIRD)
    assert file.states() == [FIRST, SECOND]


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(KeyringError, match="restore the file"):
        HourFile(tmp_path / "hours", b"\1" * 32, SystemRandom()).states()


def test_slots_cannot_be_swapped(tmp_path: Path) -> None:
    made(tmp_path)
    content = (tmp_path / "hours").read_bytes()
    (tmp_path / "hours").write_bytes(content[SLOT_BYTES:] + content[:SLOT_BYTES])
    with pytest.raises(KeyringError):
        HourFile(tmp_path / "hours", KEY, SystemRandom()).states()


@pytest.mark.parametrize("content", [b"", b"short", bytes(SLOTS * SLOT_BYTES + 1), bytes(SLOTS * SLOT_BYTES)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    file = made(tmp_path)
    (tmp_path / "hours").write_bytes(content)
    with pytest.raises(KeyringError):
        file.states()


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = made(tmp_path)
    (tmp_path / "hours").chmod(0o640)
    for use in (file.states, lambda: file.add(SECOND)):
        with pytest.raises(ConfigError, match="chmod 600"):
            use()


def test_a_missing_file_is_an_error_of_the_keyring(tmp_path: Path) -> None:
    file = HourFile(tmp_path / "none", KEY, SystemRandom())
    assert not file.exists()
    with pytest.raises(KeyringError, match="cannot read"):
        file.states()


@given(cut=st.integers(0, SLOT_BYTES))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the file is made anew each time
def test_power_loss_in_a_write_spoils_one_slot_at_most(tmp_path: Path, cut: int) -> None:
    """A slot written up to some byte: the state that was there before still opens."""
    file = made(tmp_path)
    before = (tmp_path / "hours").read_bytes()
    file.add(SECOND)
    added = (tmp_path / "hours").read_bytes()
    (tmp_path / "hours").write_bytes(before[:SLOT_BYTES] + added[SLOT_BYTES:][:cut] + before[SLOT_BYTES + cut :])
    assert file.states() in ([FIRST], [FIRST, SECOND])
    (tmp_path / "hours").write_bytes(added)
    file.destroy_before(11)
    destroyed = (tmp_path / "hours").read_bytes()
    (tmp_path / "hours").write_bytes(destroyed[:cut] + added[cut:SLOT_BYTES] + added[SLOT_BYTES:])
    assert file.states() in ([SECOND], [FIRST, SECOND])
