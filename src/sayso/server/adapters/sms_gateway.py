"""`CodeSender` over Kannel's `sendsms` (Kannel user guide, chapter 6).

POST with `X-Kannel-*` fields and the text as body, so that neither number nor code stands in a URL, which proxies and
gateways write into their logs. 202 means accepted. What becomes of the SMS, Kannel tells `delivery_callbacks`.
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpcore

from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters.delivery_callbacks import DELIVERY_MASK, DeliveryCallbacks
from sayso.server.adapters.sms_alphabet import fits_one_sms, is_gsm7
from sayso.server.errors import ConfigError, SmsError, SmsNotTakenError

_ACCEPTED: Final = 202
_SURELY_NOT: Final = frozenset({400, 401, 403, 404, 405, 413, 415, 429, 503})
"""Answers of Kannel itself that it took nothing; what a proxy says in its place (502, 504) leaves that open."""
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

    def __init__(self, config: GatewayConfig, *, callbacks: DeliveryCallbacks | None = None) -> None:
        """Take the configuration; nothing is connected yet. Without `callbacks` no delivery report is asked for.

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
        # Only a gateway on this machine can reach the loopback address that the callbacks listen on.
        self._callbacks = callbacks if parts.hostname in _LOOPBACK else None
        self._fields = {
            "Content-Type": "text/plain; charset=utf-8",
            "X-Kannel-Username": config.username,
            "X-Kannel-Password": config.password,
            "X-Kannel-From": config.sender,
        }
        self._pool = httpcore.AsyncConnectionPool(max_connections=_CONNECTIONS, keepalive_expiry=_TIMEOUT_S)

    @property
    def asks_reports(self) -> bool:
        """Whether delivery reports are asked for."""
        return self._callbacks is not None

    async def send(self, number: PhoneNumber, text: str) -> None:
        """See `CodeSender`."""
        patience = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), _TIMEOUT_S)}
        if not fits_one_sms(text):
            raise SmsNotTakenError("the text does not fit one SMS: give the service a shorter name")
        fields = [*self._fields.items(), ("X-Kannel-To", number.e164)]
        if not is_gsm7(text):
            # Else Kannel would put a question mark in the place of what GSM-7 lacks.
            fields += [("X-Kannel-Coding", "2"), ("X-Kannel-Charset", "UTF-8")]
        expected = self._callbacks.expect() if self._callbacks else None
        if expected is not None:
            fields += [("X-Kannel-DLR-Mask", DELIVERY_MASK), ("X-Kannel-DLR-Url", expected.url)]
        failure: SmsError
        try:
            async with self._pool.stream(
                "POST", self._url, headers=fields, content=text.encode(), extensions=patience
            ) as answer:
                await _drain(answer)
                if answer.status == _ACCEPTED:
                    return
                failure = _failed(f"it answered {answer.status}", surely=answer.status in _SURELY_NOT)
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
            failure = _failed(type(error).__name__, surely=True)
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
            httpcore.UnsupportedProtocol,
            OSError,
            # What anyio says under uvloop of a connection that was reset right after it was made.
            AttributeError,
        ) as error:
            failure = _failed(type(error).__name__, surely=False)
        if self._callbacks is not None and expected is not None and isinstance(failure, SmsNotTakenError):
            self._callbacks.forget(expected)
        # Without the library's exception as its cause: that could hold what was sent.
        try:
            raise failure
        finally:
            # Its traceback holds this frame, which would hold it: number and text would stay until a collection.
            del failure

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


def _failed(why: str, *, surely: bool) -> SmsError:
    return (SmsNotTakenError if surely else SmsError)(f"the SMS gateway did not take the code: {why}")


async def _drain(answer: httpcore.Response) -> None:
    """Read a short answer to its end, so that the connection serves again; a long one is cut off."""
    size = 0
    async for chunk in answer.aiter_stream():
        size += len(chunk)
        if size > _MAX_ANSWER_BYTES:
            return
