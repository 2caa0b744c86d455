"""What every workload gets: settings, fresh servers, connected peers."""

import asyncio
import gc
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, TypeVar

from bench.accounts import Account, account
from bench.clients import Drafts, DriverError, Peer, Recipient, Sender, Tally, Watch, close_all, connect_all
from bench.server import ServerProcess
from bench.settings import Settings

SenderT = TypeVar("SenderT", bound=Sender)
_MEMORY: Final = Path("/dev/shm")  # noqa: S108  a directory of our own is made there


class Bench:
    """One bench: a seeded directory, and a place to work in."""

    def __init__(self, settings: Settings, *, seeded: Path, work: Path) -> None:
        self.settings = settings
        self._seeded = seeded
        self._work = work
        self.remarks: list[str] = []
        """What a figure cannot say; printed and kept with the figures."""

    def _memory(self) -> Path:
        if not _MEMORY.is_dir():
            self.remark("There is no /dev/shm here: the disk's noise is in the figures of timing.")
            return self._work
        place = _MEMORY / f"sayso-{self._work.name}"
        place.mkdir(mode=0o700, exist_ok=True)
        return place

    def remark(self, text: str) -> None:
        """Keep a remark, once."""
        if text not in self.remarks:
            self.remarks.append(text)

    @contextmanager
    def place(self, name: str) -> Iterator[Path]:
        """Give an empty directory for the length of the block; 0700."""
        folder = self._work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @asynccontextmanager
    async def site(
        self, *, in_memory: bool = False, options: Sequence[str] = (), seeded: bool = True
    ) -> AsyncIterator["Site"]:
        """Run a fresh server for the length of the block, over a copy of the seeded directory.

        Args:
            in_memory: its data lies in memory, where the system has a place for that, and not on the disk.
            options: further ones of `sayso server run`.
            seeded: whether the accounts are in its own directory; False: they are elsewhere.
        """
        data = (self._memory() if in_memory else self._work) / "server"
        shutil.rmtree(data, ignore_errors=True)
        if seeded:
            shutil.copytree(self._seeded, data)
        else:
            data.mkdir(mode=0o700)
        server = ServerProcess(data, self.settings, options=options)
        try:
            await server.start()
            yield Site(self.settings, server)
            await server.stop()
        except DriverError as error:
            error.add_note(f"The end of the server's log:\n{server.log()}")
            raise
        finally:
            await server.kill()
            shutil.rmtree(data.parent if in_memory and data.parent != self._work else data, ignore_errors=True)


class Site:
    """One server and the driver's connections to it."""

    def __init__(self, settings: Settings, server: ServerProcess) -> None:
        self.settings: Final = settings
        self.server: Final = server
        self.watch = Watch()

    def sender(self, place: int, recipients: Sequence[Account], *, size: int) -> Sender:
        """Make the connection of the account at `place`, to deposit for these."""
        return self.sender_of(Sender, place, recipients, size=size)

    def sender_of(self, kind: type[SenderT], place: int, recipients: Sequence[Account], *, size: int) -> SenderT:
        """Make a sender of a kind of its own."""
        return kind(account(place), self.server.digest, self.watch, Drafts(recipients, size=size))

    def recipient(self, one: Account, tally: Tally, *, size: int) -> Recipient:
        """Make a connection of this account, to receive."""
        return Recipient(one, self.server.digest, self.watch, tally, size=size)

    def idler(self, place: int) -> Peer:
        """Make the connection of the account at `place`, to do nothing."""
        return Peer(account(place), self.server.digest, self.watch)

    async def connect(self, peers: Sequence[Peer]) -> None:
        """Connect peers and wait until each is caught up."""
        await connect_all(peers, self.server.stream, at_once=self.settings.logins_at_once)
        for peer in peers:
            await self.watch.of(peer.caught_up.wait())

    @asynccontextmanager
    async def connected(self, peers: Sequence[Peer]) -> AsyncIterator[None]:
        """Connect peers for the length of the block."""
        await self.connect(peers)
        yield
        await close_all(peers)

    async def leases_written(self) -> None:
        """Wait until what the logins wrote is on the disk."""
        await asyncio.sleep(self.settings.leases_s)

    async def finished(self, senders: Sequence[Sender]) -> None:
        """Wait until all deposits of these are answered."""
        for sender in senders:
            await self.watch.of(sender.finished.wait())

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until something is so."""

        async def look() -> None:
            while not done():  # noqa: ASYNC110  what is waited for is counted far away, on the hot path
                await asyncio.sleep(0.005)

        await self.watch.of(look())


@contextmanager
def no_collections() -> Iterator[None]:
    """Keep the driver's garbage collector out of a measured window."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
