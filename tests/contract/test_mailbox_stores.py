"""Every MailboxStore against one contract: embedded, PostgreSQL, and the fake that the relay's tests use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.system import SystemRandom
from sayso.server.errors import NoSpaceError, StoreError
from sayso.server.ports import MailboxStore
from tests.contract.mailbox_store import Disk, MailboxStoreContract, check_against_a_model
from tests.fakes import mailbox_store
from tests.fakes.faulty_vfs import FaultyVfs
from tests.fakes.keyring import MemoryKeyring
from tests.fakes.postgres_mailbox import FaultyPostgres


class EmbeddedDisk:
    """A directory, behind a file layer that can fail."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._vfs = FaultyVfs()
        self._keyring = MemoryKeyring()

    @asynccontextmanager
    async def store(self) -> AsyncIterator[MailboxStore]:
        store = await EmbeddedMailboxStore.open(self._directory, self._keyring, SystemRandom(), vfs=self._vfs.name)
        try:
            yield store
        finally:
            await store.close()

    def fill(self) -> None:
        self._vfs.fail_writes = apsw.FullError

    def break_down(self) -> None:
        self._vfs.fail_syncs = apsw.IOError

    def free(self) -> None:
        self._vfs.fail_writes = self._vfs.fail_syncs = None


class FakeDisk:
    """A dictionary that outlives the fake."""

    def __init__(self) -> None:
        self._disk = mailbox_store.Disk()
        self._fault: StoreError | None = None
        self._store: mailbox_store.FakeMailboxStore | None = None

    @asynccontextmanager
    async def store(self) -> AsyncIterator[MailboxStore]:
        self._store = mailbox_store.FakeMailboxStore(self._disk)
        yield self._store

    def fill(self) -> None:
        self._fail(NoSpaceError("planted"))

    def break_down(self) -> None:
        self._fail(StoreError("planted"))

    def free(self) -> None:
        self._fail(None)

    def _fail(self, error: StoreError | None) -> None:
        assert self._store is not None
        self._store.fail_next = error


class TestFake(MailboxStoreContract):
    def new_disk(self) -> Disk:
        return FakeDisk()

    @given(data=st.data())
    def test_a_restart_shows_what_was_committed(self, data: st.DataObject) -> None:
        check_against_a_model(self.new_disk(), data)


class TestEmbedded(MailboxStoreContract):
    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self._parent = tmp_path

    def new_disk(self) -> Disk:
        return EmbeddedDisk(Path(mkdtemp(dir=self._parent)))

    @given(data=st.data())
    def test_a_restart_shows_what_was_committed(self, data: st.DataObject) -> None:
        check_against_a_model(self.new_disk(), data)


class TestPostgres(MailboxStoreContract):
    def new_disk(self) -> Disk:
        return FaultyPostgres()

    @settings(max_examples=20)
    @given(data=st.data())
    def test_a_restart_shows_what_was_committed(self, data: st.DataObject) -> None:
        check_against_a_model(self.new_disk(), data)
