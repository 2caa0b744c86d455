"""`Bus` over NATS core: a request to the other node's subject; "no responders" comes back at once."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, NoRespondersError

from sayso.server.cluster_port import Delivery
from sayso.server.errors import ConfigError

_CONNECT_S: Final = 5
_CLOSE_S: Final = 5.0
_PING_S: Final = 3
_RECONNECT_S: Final = 1
_PENDING_BYTES: Final = 16 * 1024 * 1024
_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class NatsConfig:
    """How NATS is reached."""

    url: str
    """`nats://HOST:PORT`, or `tls://HOST:PORT`; several with commas between."""
    token: str | None = field(default=None, repr=False)
    ca: str | None = None
    """Certificates (PEM file) to trust instead of the system's."""
    answer_s: float = 2.0
    """So long a delivery waits for its acknowledgement."""
    first_s: float = 15.0
    """So long the first connection may take, with all its attempts."""


class NatsBus:
    """One process's connection to NATS; it reconnects by itself for as long as it lives."""

    def __init__(self, client: Client, space: str, answer_s: float) -> None:
        self._client = client
        self._space = space
        self._answer_s = answer_s

    @classmethod
    async def connect(cls, config: NatsConfig, *, space: str) -> Self:
        """Connect.

        Args:
            config: see there.
            space: tells the subjects of this server from those of others on the same NATS: letters and digits.

        Raises:
            ConfigError: it cannot be reached, or does not let us in.
        """
        client = Client()
        tls = ssl.create_default_context(cafile=config.ca) if config.ca or "tls://" in config.url else None
        try:
            # The client itself would try for ever.
            async with asyncio.timeout(config.first_s):
                await client.connect(
                    servers=config.url.split(","),
                    connect_timeout=_CONNECT_S,
                    reconnect_time_wait=_RECONNECT_S,
                    max_reconnect_attempts=-1,
                    ping_interval=_PING_S,
                    max_outstanding_pings=2,
                    pending_size=_PENDING_BYTES,
                    allow_reconnect=True,
                    token=config.token,
                    tls=tls,
                    error_cb=_noted,
                    inbox_prefix=f"_INBOX.{space}".encode(),
                )
        except (TimeoutError, OSError, Error, ValueError) as error:
            await _closed(client)
            raise ConfigError(
                f"NATS cannot be reached or does not let us in ({type(error).__name__}): start it, check --nats, and "
                "the token"
            ) from error
        return cls(client, space, config.answer_s)

    async def listen(self, node: int, receive: Callable[[bytes], bool]) -> None:
        """See `Bus`."""

        async def take(message: Msg) -> None:
            if receive(message.data):
                await message.respond(b"")

        await self._client.subscribe(self._subject(node), cb=take)
        # Twice: the client writes a flush's PING before what still waits to be written, here the subscription itself.
        # When the first PONG is back that has been written, and the second cannot overtake it.
        for _ in range(2):
            await self._client.flush()

    async def deliver(self, node: int, message: bytes) -> Delivery:
        """See `Bus`."""
        try:
            await self._client.request(self._subject(node), message, timeout=self._answer_s)
        except NoRespondersError:
            return Delivery.NOBODY
        except (TimeoutError, Error, OSError):
            return Delivery.UNDETERMINED
        return Delivery.ACKNOWLEDGED

    async def close(self) -> None:
        """See `Bus`."""
        await _closed(self._client)

    def _subject(self, node: int) -> str:
        return f"sayso.{self._space}.node.{node}"


async def _noted(error: Exception) -> None:
    _log.warning("nats", error=type(error).__name__)


async def _closed(client: Client) -> None:
    with contextlib.suppress(TimeoutError, Error, OSError):
        async with asyncio.timeout(_CLOSE_S):
            await client.close()
