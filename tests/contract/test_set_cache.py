"""The phone's cache of the enrolled set, in memory and in files."""

import stat
from pathlib import Path

import pytest

from sayso.phone.adapters.set_cache import SetDirectory
from sayso.phone.errors import CacheError
from sayso.phone.ports import SetCache
from tests.contract.set_cache import AT, ONE, SetCacheContract, digest
from tests.fakes.set_cache import MemorySetCache


class TestMemorySetCache(SetCacheContract):
    def open_cache(self) -> SetCache:
        return MemorySetCache()


class TestSetDirectory(SetCacheContract):
    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path) -> None:
        self.path = tmp_path / "sets"

    def open_cache(self) -> SetCache:
        return SetDirectory(self.path)

    def test_it_is_the_owners_alone_and_there_after_a_restart(self) -> None:
        self.open_cache().keep(ONE, b"document", [b"a"], named={digest(b"a")}, at=AT)
        assert self.open_cache().manifest(ONE) == (b"document", AT)
        folder = self.path / ONE.hex()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}

    def test_damage_counts_as_nothing(self) -> None:
        cache = self.open_cache()
        cache.keep(ONE, b"document", [b"a"], named={digest(b"a")}, at=AT)
        (self.path / ONE.hex() / digest(b"a").hex()).write_bytes(b"b")
        (self.path / ONE.hex() / "manifest").write_bytes(b"short")
        assert cache.shard(ONE, digest(b"a")) is None
        assert cache.manifest(ONE) is None

    def test_a_file_system_that_refuses_is_said(self) -> None:
        self.path.write_bytes(b"a file where a directory should be")
        cache = self.open_cache()
        with pytest.raises(CacheError, match="disk full"):
            cache.keep(ONE, b"document", [], named=set(), at=AT)
        with pytest.raises(CacheError, match="cannot be read"):
            cache.manifest(ONE)
        with pytest.raises(CacheError, match="cannot be deleted"):
            cache.forget(ONE)
