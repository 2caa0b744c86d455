"""Custody over the fake, the embedded store and PostgreSQL: one suite for all."""

from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.contract.custody import CustodyContract
from tests.contract.mailbox_store import Disk
from tests.contract.test_mailbox_stores import EmbeddedDisk, FakeDisk
from tests.fakes.postgres_mailbox import FaultyPostgres


class TestFake(CustodyContract):
    def new_disk(self) -> Disk:
        return FakeDisk()


class TestEmbedded(CustodyContract):
    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self._parent = tmp_path

    def new_disk(self) -> Disk:
        return EmbeddedDisk(Path(mkdtemp(dir=self._parent)))


class TestPostgres(CustodyContract):
    def new_disk(self) -> Disk:
        return FaultyPostgres()
