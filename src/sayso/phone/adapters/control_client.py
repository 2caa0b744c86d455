"""The ControlPlane port over HTTP/1.1, on connections that the gate opens.

Requests are signed (`sayso.protocol.requests`) with the nonce of an earlier answer, as in RFC 8555, section 6.5. No
header tells phones apart: no cookie, no language, no validator. Redirects are not followed: they are no answer.
"""

import asyncio
import ssl
from collections import deque
from typing import Final

import httpcore
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from sayso.consent.errors import GateClosedError
from sayso.consent.gate import Gate, place_of
from sayso.phone.adapters.control_answers import HttpAnswer, read_answer, read_document, read_public
from sayso.phone.adapters.gate_network import IDLE_S, GateBackend
from sayso.phone.errors import ProblemError, UnreachableError
from sayso.phone.ports import NonceBody, ResponseT
from sayso.protocol.api import STATEMENT_PATH, ProblemType
from sayso.protocol.ids import DeviceId, KeyDigest
from sayso.protocol.limits import KIB
from sayso.protocol.requests import Request, sign_request

ANSWER_BYTES: Final = 1024 * KIB
"""A longer answer is not read to its end."""
_FIRST_NONCE: Final = "no-nonce-yet-ask-for-one"
"""Of valid form, and of no server: the answer is `bad-nonce` and brings a real one."""
_NONCES_KEPT: Final = 8
_CONNECTIONS: Final = 4


class ControlClient:
    """The server's HTTP side, for one line."""

    def __init__(
        self,
        gate: Gate,
        base_url: str,
        *,
        device: DeviceId,
        key: Ed25519PrivateKey,
        server: KeyDigest,
        tls: ssl.SSLContext | None = None,
        patience_s: float = 30.0,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            gate: the line's gate.
            base_url: the server as it stands in the consent record: scheme, host, port.
            device: the line's device id.
            key: the device's signing key.
            server: digest of the server's long-term key, which every request is bound to.
            tls: for https; the system's certificates where there is none.
            patience_s: seconds for one request, from connecting to the last byte of its answer.

        Raises:
            GateClosedError: `base_url` is no http or https URL.
        """
        host, port, secure = place_of(base_url)
        self._gate = gate
        self._host = host
        self._port = port
        name = f"[{host}]" if ":" in host else host
        self._authority = name if port == (443 if secure else 80) else f"{name}:{port}"
        self._device = device
        self._key = key
        self._server = server
        self._patience_s = patience_s
        self._nonces: deque[str] = deque(maxlen=_NONCES_KEPT)
        if secure and tls is None:
            tls = ssl.create_default_context()
        self._pool = httpcore.AsyncConnectionPool(
            network_backend=GateBackend(gate, tls=tls if secure else None),
            max_connections=_CONNECTIONS,
            keepalive_expiry=IDLE_S,
        )
        # Connections of their own: what everyone is given is not to be fetched on one that has said who this is.
        self._public_pool = httpcore.AsyncConnectionPool(
            network_backend=GateBackend(gate, tls=tls if secure else None),
            max_connections=1,
            keepalive_expiry=IDLE_S,
        )

    async def fetch(self, path: str, *, at_most: int) -> bytes:
        """Fetch what everyone is given alike; errors as in the port."""
        answer = await self._exchange("GET", path, {}, None, pool=self._public_pool, at_most=at_most)
        return read_public(answer)

    async def statement(self) -> bytes:
        """Fetch the signed statement, unchecked; errors as in the port."""
        return read_document(await self._exchange("GET", STATEMENT_PATH, {}, None))

    async def call(self, path: str, body: Struct, answer: type[ResponseT]) -> ResponseT:
        """Send a signed request; errors as in the port."""
        return await self.sealed_call(path, lambda _nonce: body, answer)

    async def sealed_call(self, path: str, body: NonceBody, answer: type[ResponseT]) -> ResponseT:
        """Send a signed request whose body needs the nonce; errors as in the port."""
        try:
            return await self._signed(path, body, answer)
        except ProblemError as error:
            if error.problem != ProblemType.BAD_NONCE or not self._nonces:
                raise
        return await self._signed(path, body, answer)

    async def close(self) -> None:
        """Close idle connections."""
        await self._pool.aclose()
        await self._public_pool.aclose()

    async def _signed(self, path: str, make_body: NonceBody, kind: type[ResponseT]) -> ResponseT:
        # The newest nonce is the one that the server is least likely to have forgotten; each is used once.
        nonce = self._nonces.pop() if self._nonces else _FIRST_NONCE
        body = msgspec.json.encode(make_body(nonce))
        request = Request(method="POST", authority=self._authority, path=path, body=body)
        fields = sign_request(request, key=self._key, device=self._device, server=self._server, nonce=nonce)
        fields["Content-Type"] = "application/json"
        return read_answer(await self._exchange("POST", path, fields, body), kind)

    async def _exchange(
        self,
        method: str,
        path: str,
        fields: dict[str, str],
        body: bytes | None,
        *,
        pool: httpcore.AsyncConnectionPool | None = None,
        at_most: int = ANSWER_BYTES,
    ) -> HttpAnswer:
        url = httpcore.URL(scheme="http", host=self._host, port=self._port, target=path)
        headers = [("Host", self._authority), *fields.items()]
        try:
            async with (
                asyncio.timeout(self._patience_s),
                (pool or self._pool).stream(method, url, headers=headers, content=body) as response,
            ):
                answer = await _read(response, at_most)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, TimeoutError) as error:
            if self._gate.is_shut:
                raise GateClosedError("cloud messaging is off for this line") from error
            raise UnreachableError("the server does not answer; it is tried again later") from error
        if answer.nonce is not None:
            self._nonces.append(answer.nonce)
        return answer


async def _read(response: httpcore.Response, at_most: int) -> HttpAnswer:
    body = bytearray()
    async for piece in response.aiter_stream():
        body += piece
        if len(body) > at_most:
            raise UnreachableError("the server's answer is longer than any that Sayso knows")
    fields = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in response.headers}
    return HttpAnswer(status=response.status, fields=fields, body=bytes(body))
