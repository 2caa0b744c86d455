"""Who a request is from: the RFC 9421 profile of `protocol.requests`, and a nonce that is good once.

A nonce is used up only after its signature has verified, so a stranger cannot burn another's. Of an unknown device and
of a wrong signature the answer is the same, and so is the work: a key that nobody has is tried.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from litestar import Request
from litestar.datastructures import State

from sayso.protocol import requests
from sayso.protocol.api import ProblemType
from sayso.protocol.errors import SignatureError
from sayso.protocol.ids import KeyDigest
from sayso.protocol.requests import Claimed
from sayso.server.core.nonces import RANDOM_BYTES, Nonces
from sayso.server.errors import Refused
from sayso.server.ports import Clock, Random

_JSON: Final = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?', re.ASCII | re.IGNORECASE)
_KEY_BYTES: Final = 32
_BODY_S: Final = 30.0
"""Who sends slower holds memory for too long."""

HttpRequest = Request[None, None, State]


class SignedRequest:
    """A request whose nonce is fresh, and whose signature has still to be checked."""

    def __init__(
        self, claim: Claimed, request: requests.Request, check: Callable[["SignedRequest", bytes], None]
    ) -> None:
        """See `Signatures.read`."""
        self.device: Final = claim.device
        """Who it says it is from."""
        self.nonce: Final = claim.nonce
        self.body: Final = request.body
        self._claim: Final = claim
        self._request: Final = request
        self._check = check

    def verify(self, public_key: bytes | None) -> None:
        """Check the signature, then use the nonce up.

        Args:
            public_key: the device's Ed25519 key; None if no such device is known.

        Raises:
            Refused: the signature does not fit, or the nonce was used meanwhile.
        """
        self._check(self, public_key or b"")


class Signatures:
    """Checks signatures and hands out nonces."""

    def __init__(self, *, server: KeyDigest, clock: Clock, random: Random) -> None:
        """Begin with nonces of this process; those of an earlier one are refused, and asked anew."""
        self._server = server
        self._clock = clock
        self._random = random
        self._nonces = Nonces(key=random.token_bytes(32))
        nobody = Ed25519PrivateKey.from_private_bytes(random.token_bytes(_KEY_BYTES))
        self._nobody = nobody.public_key().public_bytes_raw()

    def fresh_nonce(self) -> str:
        """Return a nonce for the next request."""
        return self._nonces.issue(now=self._clock.monotonic(), randomness=self._random.token_bytes(RANDOM_BYTES))

    async def read(self, http: HttpRequest) -> SignedRequest:
        """Read a request's fields and body.

        Raises:
            Refused: not JSON, not signed in the one form that is accepted, or the nonce is not fresh.
        """
        fields = _fields(http)
        if not _JSON.fullmatch(fields.get("content-type", "")):
            raise Refused(ProblemType.MEDIA_TYPE, "Send application/json.")
        if "signature-input" not in fields:
            # A first request: it cannot have a nonce yet. This answer brings one.
            raise Refused(ProblemType.BAD_NONCE, "Sign the request with the nonce of this answer.")
        try:
            claim = requests.read_claim(fields)
        except SignatureError as error:
            raise _bad_signature() from error
        self._nonces.check(claim.nonce, now=self._clock.monotonic())
        request = requests.Request(
            method=http.method,
            authority=fields.get("host", "").lower(),
            path=_path(http),
            body=await _body(http),
        )
        return SignedRequest(claim, request, self._verify)

    def _verify(self, signed: SignedRequest, public_key: bytes) -> None:
        key = public_key or self._nobody
        try:
            requests.verify_request(signed._claim, signed._request, public_key=key, server=self._server)  # noqa: SLF001  same module
        except SignatureError as error:
            raise _bad_signature() from error
        self._nonces.use(signed.nonce, now=self._clock.monotonic())


def _bad_signature() -> Refused:
    detail = "The signature does not fit this request, or the server does not know the device (any more)."
    return Refused(ProblemType.BAD_SIGNATURE, detail)


async def _body(http: HttpRequest) -> bytes:
    try:
        async with asyncio.timeout(_BODY_S):
            return await http.body()
    except TimeoutError as error:
        raise Refused(ProblemType.MALFORMED, "The body took too long to come.") from error


def _fields(http: HttpRequest) -> Mapping[str, str]:
    """Return the fields; one that comes twice is joined (RFC 9110, section 5.3), and so is none of ours any more."""
    fields: dict[str, str] = {}
    for raw_name, raw_value in http.scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _path(http: HttpRequest) -> str:
    """Return the path as it was sent: a router may have tidied the other one up."""
    raw: bytes | None = http.scope.get("raw_path")
    return http.scope["path"] if raw is None else raw.split(b"?", 1)[0].decode("latin-1")
