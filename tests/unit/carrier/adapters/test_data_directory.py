"""The data directory: its owner's, one carrier's, and carrier.json in it."""

import json
from pathlib import Path

import pytest

from sayso.carrier.adapters.data_directory import DataDirectory, new_password
from sayso.carrier.errors import CarrierConfigError


def test_everything_is_for_its_owner_only(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "new" / "carrier") as directory:
        directory.write_gateway(host="127.0.0.1", port=1234, password="pw")
        modes = {path.name: path.stat().st_mode & 0o777 for path in (directory.path, *directory.path.iterdir())}
    assert modes == {"carrier": 0o700, "modems": 0o700, "carrier.json": 0o600, "carrier.lock": 0o600}


def test_a_directory_that_others_can_read_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    with pytest.raises(CarrierConfigError, match="chmod 700"):
        DataDirectory(shared)


def test_one_carrier_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "carrier"
    with DataDirectory(path), pytest.raises(CarrierConfigError, match="another carrier"):
        DataDirectory(path)
    DataDirectory(path).close()


def test_sockets_of_a_killed_carrier_are_cleared_away(tmp_path: Path) -> None:
    path = tmp_path / "carrier"
    DataDirectory(path).close()
    (path / "modems" / "gone.sock").touch()
    with DataDirectory(path) as directory:
        assert list(directory.modems.iterdir()) == []


def test_carrier_json_is_written_whole_and_read_back(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "carrier") as directory:
        assert directory.read_gateway() is None
        written = directory.write_gateway(host="::1", port=1234, password="pw")
        assert directory.read_gateway() == written
        content = json.loads((directory.path / "carrier.json").read_text())
        assert content == {
            "version": 1,
            "url": "http://[::1]:1234/cgi-bin/sendsms",
            "host": "::1",
            "port": 1234,
            "username": "sayso",
            "password": "pw",
        }
        assert "pw" not in repr(written)
        (directory.path / "carrier.json").write_text("{")
        with pytest.raises(CarrierConfigError, match="damaged"):
            directory.read_gateway()


def test_passwords_differ() -> None:
    assert len({new_password() for _ in range(10)}) == 10
    assert len(new_password()) == 32
