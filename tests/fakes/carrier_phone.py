"""A phone that speaks the modem protocol and nothing else, and a carrier that runs in the test's own loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self, TypeVar

from sayso.carrier.app import CarrierAddresses, CarrierConfig, run
from sayso.protocol.modem import (
    MODEM_PROTOCOL_VERSION,
    Attach,
    Coverage,
    ModemFrame,
    PhoneFrame,
    SimState,
    encode,
    phone_side_framer,
)

F = TypeVar("F", bound=ModemFrame)


class BarePhone:
    """One connection to a modem; frames are read in order, none is skipped unseen unless asked."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._framer = phone_side_framer()
        self._waiting: list[ModemFrame] = []

    @classmethod
    async def connect(cls, socket: Path) -> Self:
        """Connect, without attaching."""
        return cls(*await asyncio.open_unix_connection(socket))

    @classmethod
    async def attach(cls, socket: Path) -> Self:
        """Connect, attach, and read past SimState and Coverage."""
        phone = await cls.connect(socket)
        await phone.say(Attach(MODEM_PROTOCOL_VERSION))
        await phone.hear(SimState)
        await phone.hear(Coverage)
        return phone

    async def say(self, frame: PhoneFrame) -> None:
        """Send a frame."""
        await self.say_bytes(encode(frame))

    async def say_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self, kind: type[F]) -> F:
        """Return the next frame, which must be of this kind."""
        frame = await self.next()
        assert isinstance(frame, kind), f"heard {frame}"
        return frame

    async def next(self) -> ModemFrame | None:
        """Return the next frame; None when the modem has hung up."""
        while not self._waiting:
            data = await self.reader.read(65_536)
            if not data:
                return None
            self._waiting += self._framer.feed(data)
        return self._waiting.pop(0)

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        await self.writer.wait_closed()


@asynccontextmanager
async def running_carrier(config: CarrierConfig) -> AsyncIterator[CarrierAddresses]:
    """Run a carrier in this loop for as long as the block lasts."""
    stop = asyncio.Event()
    ready: asyncio.Future[CarrierAddresses] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(run(config, stop=stop, ready=ready.set_result))
        try:
            yield await ready
        finally:
            stop.set()
