"""The heartbeat is kept whole, and a damaged one counts as none."""

from pathlib import Path

import pytest

from sayso.server.adapters.heartbeat import HeartbeatFile
from sayso.server.core.running_clock import Heartbeat
from sayso.server.errors import ConfigError, StoreError

BEAT = Heartbeat(running=123_456.5, wall=1_800_000_000.25)


def test_there_is_none_at_first(tmp_path: Path) -> None:
    assert HeartbeatFile(tmp_path / "heartbeat").read() is None


def test_the_last_one_is_read_back(tmp_path: Path) -> None:
    file = HeartbeatFile(tmp_path / "heartbeat")
    file.write(Heartbeat(running=1.0, wall=2.0))
    file.write(BEAT)
    assert HeartbeatFile(tmp_path / "heartbeat").read() == BEAT


def test_each_damaged_byte_and_each_cut_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    HeartbeatFile(path).write(BEAT)
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert HeartbeatFile(path).read() is None
        path.write_bytes(content[:place])
        assert HeartbeatFile(path).read() is None
    path.write_bytes(content + b"x")
    assert HeartbeatFile(path).read() is None


@pytest.mark.parametrize("bad", [Heartbeat(running=float("nan"), wall=1.0), Heartbeat(running=-1.0, wall=1.0)])
def test_a_time_that_cannot_be_counts_as_none(tmp_path: Path, bad: Heartbeat) -> None:
    file = HeartbeatFile(tmp_path / "heartbeat")
    file.write(bad)
    assert file.read() is None


def test_one_that_others_can_write_is_refused(tmp_path: Path) -> None:
    file = HeartbeatFile(tmp_path / "heartbeat")
    file.write(BEAT)
    (tmp_path / "heartbeat").chmod(0o666)
    with pytest.raises(ConfigError, match="chmod 600"):
        file.read()


def test_a_failure_to_write_leaves_the_old_one(tmp_path: Path) -> None:
    file = HeartbeatFile(tmp_path / "heartbeat")
    file.write(BEAT)
    (tmp_path / "heartbeat.new").mkdir()
    with pytest.raises(StoreError, match="cannot write"):
        file.write(Heartbeat(running=2.0, wall=2.0))
    assert file.read() == BEAT
