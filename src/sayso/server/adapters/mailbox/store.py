"""EmbeddedMailboxStore: MailboxStore and HourKeys over one SQLite file."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self, TypeVar

import apsw

from sayso.protocol.ids import DeviceId, HandleHash
from sayso.server.adapters.mailbox.database import MailboxDatabase
from sayso.server.adapters.mailbox.faults import is_damage, translate
from sayso.server.adapters.mailbox.reading import read_all, read_envelopes, read_outcome, read_outcomes
from sayso.server.adapters.mailbox.sealing import WrapKeys
from sayso.server.adapters.mailbox.statements import transaction
from sayso.server.adapters.mailbox.turning import forget_idle_watermarks, rewrap
from sayso.server.adapters.mailbox.writing import delete_sound_bodies, leaving, write
from sayso.server.core import hour_ratchet
from sayso.server.core.model import Batch, Held, StoredOutcome
from sayso.server.errors import CorruptError, NoSpaceError, StoreError
from sayso.server.ports import HourState, Keyring, Random

T = TypeVar("T")


class EmbeddedMailboxStore:
    """Mailboxes, doubts and outcomes on this machine's disk; made by `open`.

    Commits and turns run one after the other in a thread of their own, reads in another. After a StoreError that is not
    a NoSpaceError it is not known what the disk holds: the store refuses everything until a new one is opened.
    """

    def __init__(self, directory: Path, keyring: Keyring, random: Random, *, vfs: str | None = None) -> None:
        """Open the database, in the thread that calls; see `open`."""
        self._keyring = keyring
        self._random = random
        self._keys = WrapKeys(keyring.hour_states())
        self._dead = False
        self._set_aside = 0
        self._latest = 0.0
        # Held by each read and by a turn: a reader's snapshot must neither keep the log from being cut off nor look
        # for a wrap key that was destroyed under it.
        self._reading = threading.Lock()
        self._database: Final = MailboxDatabase(directory, vfs=vfs)
        self._commits: Final = ThreadPoolExecutor(1, thread_name_prefix="mailbox-commit")
        self._reads: Final = ThreadPoolExecutor(1, thread_name_prefix="mailbox-read")
        try:
            self._finish_turn()
        except BaseException:
            self._close()
            raise

    @classmethod
    async def open(cls, directory: Path, keyring: Keyring, random: Random, *, vfs: str | None = None) -> Self:
        """Open or create the mailboxes, and finish a turn of the hour key that a crash cut short.

        Args:
            directory: for the database, its log and its lock; made if it is not there.
            keyring: holds the hour states.
            random: for envelope keys and nonces.
            vfs: SQLite's file layer to use instead of the platform's.

        Raises:
            ConfigError: another server holds the directory, others can look into it, a newer Sayso wrote it, or a
                commit would not be durable there. The message says what to do.
            KeyringError: the keyring cannot be read or written.
            StoreError: the database cannot be opened or is damaged.
        """
        return await asyncio.to_thread(cls, directory, keyring, random, vfs=vfs)

    async def close(self) -> None:
        """Wait for what is under way, then close the file. Raises StoreError."""
        await asyncio.to_thread(self._close)

    @property
    def generation(self) -> int:
        """Of the hour key that wraps now."""
        return self._keys.newest_generation

    @property
    def set_aside(self) -> int:
        """How many envelopes `load` missed: their page is damaged, or their hour's key is lost. For the operator."""
        return self._set_aside

    @property
    def latest(self) -> float:
        """The latest running time that was ever committed, once `load` has run: the running clock's floor."""
        return self._latest

    async def load(self) -> Held:
        """See MailboxStore."""
        return await self._in(self._commits, self._load)

    async def commit(self, batch: Batch) -> None:
        """See MailboxStore."""
        await self._in(self._commits, lambda: self._commit(batch))

    async def window(self, device: DeviceId, seqs: Sequence[int]) -> list[tuple[int, bytes]]:
        """See MailboxStore."""
        reader = self._database.reader
        return await self._in(self._reads, lambda: self._read(lambda: read_envelopes(reader, self._keys, device, seqs)))

    async def outcome(self, handle_hash: HandleHash) -> StoredOutcome | None:
        """See MailboxStore."""
        reader = self._database.reader
        return await self._in(self._reads, lambda: self._read(lambda: read_outcome(reader, handle_hash)))

    async def outcomes(self, at_once: int) -> AsyncIterator[list[StoredOutcome]]:
        """Read all outcomes, some at a time: for a migration."""
        found = await self._outcomes(b"", at_once)
        while found:
            yield found
            found = await self._outcomes(found[-1].handle_hash, at_once)

    async def _outcomes(self, after: bytes, at_most: int) -> list[StoredOutcome]:
        reader = self._database.reader
        return await self._in(self._reads, lambda: self._read(lambda: read_outcomes(reader, after, at_most)))

    async def turn(self, generation: int) -> None:
        """See HourKeys. A generation that is not later only finishes a turn that failed half way: calling again helps.

        Raises:
            NoSpaceError: the disk is full; the store goes on, both hour keys are kept until a turn succeeds.
            KeyringError: the keyring could not be written; as above.
            StoreError: as for `commit`.
        """
        await self._in(self._commits, lambda: self._turn(generation))

    async def _in(self, executor: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(executor, work)

    def _load(self) -> Held:
        with self._failing_for_good():
            found = read_all(self._database.writer, self._keys)
        self._set_aside = self._database.lost + found.set_aside
        self._latest = found.latest
        return found.held

    def _commit(self, batch: Batch) -> None:
        with self._failing_for_good():
            try:
                self._write(batch)
            except apsw.Error as error:
                if not is_damage(error) or self._database.writer.in_transaction:
                    raise
                # Most pages hold bodies: without touching those the rest of the batch may well go through.
                self._write(batch, delete_bodies=False)
                delete_sound_bodies(self._database.writer, leaving(batch))

    def _write(self, batch: Batch, *, delete_bodies: bool = True) -> None:
        writer = self._database.writer
        with transaction(writer):
            write(writer, batch, keys=self._keys, random=self._random, delete_bodies=delete_bodies)

    def _read(self, work: Callable[[], T]) -> T:
        if self._dead:
            raise _dead()
        with self._reading:
            try:
                return work()
            except apsw.Error as error:
                raise translate(error, system_errno=self._database.reader.system_errno) from error

    def _turn(self, generation: int) -> None:
        self._finish_turn()
        newest = self._keyring.hour_states()[-1]
        if generation <= newest.generation:
            return
        fresh = self._random.token_bytes(hour_ratchet.STATE_BYTES)
        state = hour_ratchet.advance(newest.state, generation=newest.generation, to=generation, fresh=fresh)
        self._keyring.add_hour_state(HourState(generation=generation, state=state))
        self._finish_turn()

    def _finish_turn(self) -> None:
        """Re-wrap, cut off the log, destroy what came before: in this order each crash leaves what can be finished."""
        states = self._keyring.hour_states()
        newest = states[-1].generation
        with self._reading:
            self._keys = WrapKeys(states)
            if len(states) == 1:
                return
            writer = self._database.writer
            with self._failing_for_good():
                with transaction(writer):
                    rewrap(writer, self._keys, self._random)
                    forget_idle_watermarks(writer)
                # Where another program reads the database the log stays for an hour more; its keys do not.
                writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._keyring.destroy_hour_states_before(newest)
            self._keys = WrapKeys(states[-1:])

    @contextmanager
    def _failing_for_good(self) -> Iterator[None]:
        """Turn SQLite's errors into ours; all but a full disk end the store."""
        if self._dead:
            raise _dead()
        writer = self._database.writer
        try:
            yield
        except apsw.Error as error:
            ours = translate(error, system_errno=writer.system_errno)
            self._dead = not isinstance(ours, NoSpaceError) or writer.in_transaction
            if isinstance(ours, CorruptError):
                self._database.mark_damaged()
            raise ours from error

    def _close(self) -> None:
        self._reads.shutdown()
        self._commits.shutdown()
        try:
            self._database.close(failed=self._dead)
        except apsw.Error as error:
            raise translate(error, system_errno=0) from error


def _dead() -> StoreError:
    return StoreError("the mailbox database failed before: check the disk, then start the server anew")
