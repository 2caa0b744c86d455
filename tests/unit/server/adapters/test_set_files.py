"""What the contract cannot see of the directory with builds: modes, names, errors."""

import errno
import hashlib
import stat
from pathlib import Path
from typing import NoReturn

import pytest

from sayso.server.adapters import set_files
from sayso.server.adapters.set_files import SetDirectory
from sayso.server.errors import ConfigError, NoSpaceError, StoreError
from tests.aio import run
from tests.contract.discovery_stores import publish


def test_the_directory_is_the_servers_alone(tmp_path: Path) -> None:
    SetDirectory(tmp_path / "sets")
    assert stat.S_IMODE((tmp_path / "sets").stat().st_mode) == 0o700
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="chmod 700"):
        SetDirectory(tmp_path / "open")


def test_what_others_can_read_is_not_served(tmp_path: Path) -> None:
    async def main() -> None:
        files = SetDirectory(tmp_path / "sets")
        await publish(files, 14_400, b"one")
        sha256 = hashlib.sha256(b"one").digest()
        (tmp_path / "sets" / sha256.hex()).chmod(0o644)
        with pytest.raises(StoreError, match="others can"):
            await files.blob(sha256)

    run(main())


def test_leftovers_of_an_interrupted_build_are_cleared_away_by_the_next(tmp_path: Path) -> None:
    async def main() -> None:
        files = SetDirectory(tmp_path / "sets")
        for name in (f"{'a' * 64}.new", "b" * 64, "manifest-1.json.new"):
            (tmp_path / "sets" / name).write_bytes(b"half")
        await publish(files, 14_400, b"one")
        names = {file.name for file in (tmp_path / "sets").iterdir()}
        assert names == {"manifest-14400.json", hashlib.sha256(b"one").hexdigest()}

    run(main())


def test_a_manifest_that_is_no_manifest_gives_way_to_the_one_before(tmp_path: Path) -> None:
    async def main() -> None:
        files = SetDirectory(tmp_path / "sets")
        before = await publish(files, 14_400, b"one")
        damaged = tmp_path / "sets" / "manifest-28800.json"
        damaged.touch(mode=0o600)
        damaged.write_bytes(b'{"manifest":')
        assert await files.latest() == before

    run(main())


@pytest.mark.parametrize(("code", "error"), [(errno.ENOSPC, NoSpaceError), (errno.EIO, StoreError)])
def test_a_failing_disk_is_the_servers_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[StoreError]
) -> None:
    def fail(_path: Path, _content: bytes) -> NoReturn:
        raise OSError(code, "no")

    monkeypatch.setattr(set_files, "write_atomically", fail)
    with pytest.raises(error) as raised:
        run(publish(SetDirectory(tmp_path / "sets"), 14_400, b"one"))
    assert type(raised.value) is error
