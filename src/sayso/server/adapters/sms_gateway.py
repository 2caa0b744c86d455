"""`CodeSender` over Kannel's `sendsms` (Kannel user guide, chapter 6).

POST with `X-Kannel-*` fields and the text as body, so that neither number nor code stands in a URL, which proxies and
gateways write into their logs. 202 means accepted.
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpcore

from sayso.protocol.numbers import PhoneNumber
from sayso.server.errors import ConfigError, ServerError

_ACCEPTED: Final = 202
_TIMEOUT_S: Final = 10.0
_MAX_ANSWER_BYTES: Final = 4096
_CONNECTIONS: Final = 8
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """Where the gateway is, and who we are to it."""

    url: str
    """`sendsms`, for example ``http://127.0.0.1:13013/cgi-bin/sendsms``; https unless it is on this machine."""
    username: str
    password: str = field(repr=False)
    sender: str
    """Whom the SMS is from: a number or up to 11 letters, as the operator allows."""


class KannelGateway:
    """Hands SMS to a Kannel, or to what speaks like one."""

    def __init__(self, config: GatewayConfig) -> None:
        """Take the configuration; nothing is connected yet.

        Raises:
            ConfigError: the URL is none, or would carry numbers in the clear over a network.
        """
        try:
            parts = urlsplit(config.url)
            well_formed = parts.scheme in {"http", "https"} and parts.hostname and not parts.query
            _ = parts.port
        except ValueError:
            well_formed = False
        if not well_formed:
            raise ConfigError("the SMS gateway's URL is written like http://127.0.0.1:13013/cgi-bin/sendsms")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ConfigError("the SMS gateway is on another machine: reach it by https, numbers pass in the clear")
        fields = (config.username, config.password, config.sender)
        if any(not text.isascii() or not text.isprintable() or not text for text in fields):
            raise ConfigError("user name, password and sender of the SMS gateway are printable ASCII, not empty")
        self._url = config.url
        self._fields = {
            "Content-Type": "text/plain; charset=utf-8",
            "X-Kannel-Username": config.username,
            "X-Kannel-Password": config.password,
            "X-Kannel-From": config.sender,
        }
        self._pool = httpcore.AsyncConnectionPool(max_connections=_CONNECTIONS, keepalive_expiry=_TIMEOUT_S)

    async def send(self, number: PhoneNumber, text: str) -> None:
        """See `CodeSender`."""
        patience = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), _TIMEOUT_S)}
        fields = [*self._fields.items(), ("X-Kannel-To", number.e164)]
        failure: str
        try:
            async with self._pool.stream(
                "POST", self._url, headers=fields, content=text.encode(), extensions=patience
            ) as answer:
                await _drain(answer)
                if answer.status == _ACCEPTED:
                    return
                failure = f"it answered {answer.status}"
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
            httpcore.UnsupportedProtocol,
            OSError,
        ) as error:
            failure = type(error).__name__
        # Without the library's exception as its cause: that could hold what was sent.
        raise ServerError(f"the SMS gateway did not take the code: {failure}")

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


async def _drain(answer: httpcore.Response) -> None:
    """Read a short answer to its end, so that the connection serves again; a long one is cut off."""
    size = 0
    async for chunk in answer.aiter_stream():
        size += len(chunk)
        if size > _MAX_ANSWER_BYTES:
            return
