"""HTTP requests signed by a fixed profile of RFC 9421 (HTTP Message Signatures) and RFC 9530 (Content-Digest).

Covered, in this order: ``@method``, ``@authority``, ``@path``, ``content-digest``, ``sayso-server`` (the digest of the
server's long-term key); parameters, in this order: ``nonce`` (from the server's last ``Replay-Nonce``, as in RFC 8555),
``keyid`` (device id in hex), ``alg`` (ed25519), ``tag``. No ``created``: no phone clock is needed, and none is told.
Nothing else is accepted, so a verifier compares text instead of parsing a language; a general library serves the tests
as an oracle (docs/adr/0003).
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sayso.protocol.errors import SignatureError
from sayso.protocol.ids import DeviceId, KeyDigest, same

TAG: Final = "sayso/request/1"
_COVERED: Final = '("@method" "@authority" "@path" "content-digest" "sayso-server")'
_INPUT: Final = re.compile(
    r"sayso=(?P<params>"
    + re.escape(_COVERED)
    + r';nonce="(?P<nonce>[A-Za-z0-9_-]{22,128})";keyid="(?P<keyid>[0-9a-f]{32})";alg="ed25519";tag="'
    + re.escape(TAG)
    + r'")',
    re.ASCII,
)
_SIGNATURE: Final = re.compile(r"sayso=:(?P<value>[A-Za-z0-9+/]{86}==):", re.ASCII)
_DIGEST: Final = re.compile(r"sha-256=:[A-Za-z0-9+/]{43}=:", re.ASCII)
_SERVER: Final = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{22,128}", re.ASCII)
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What of a request is signed."""

    method: str
    authority: str
    """Host and port as in the Host field, lower case, without the scheme's default port."""
    path: str
    """As on the request line: percent-encoded, without a query (no path of Sayso has one, and none would be signed)."""
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """Who a signed request says it is from, before the signature is checked."""

    device: DeviceId = field(repr=False)
    nonce: str = field(repr=False)
    _params: str = field(repr=False)
    _signature: bytes = field(repr=False)
    _digest: str = field(repr=False)
    _server: str = field(repr=False)


def content_digest(body: bytes) -> str:
    """Return the Content-Digest field for a body (RFC 9530, sha-256)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign_request(
    request: Request, *, key: Ed25519PrivateKey, device: DeviceId, server: KeyDigest, nonce: str
) -> dict[str, str]:
    """Return the header fields that sign a request.

    Raises:
        SignatureError: the server's nonce, or the request itself, is not of the form that can be signed. A nonce is the
            server's to choose and goes into a header field: one with a quote or a line break would write others.
    """
    if not _NONCE.fullmatch(nonce):
        raise SignatureError("the server gave a nonce that is none")
    params = f'{_COVERED};nonce="{nonce}";keyid="{device.hex()}";alg="ed25519";tag="{TAG}"'
    digest, pinned = content_digest(request.body), base64.b64encode(server).decode()
    signature = key.sign(_base(request, digest, pinned, params))
    return {
        "Content-Digest": digest,
        "Sayso-Server": pinned,
        "Signature-Input": f"sayso={params}",
        "Signature": f"sayso=:{base64.b64encode(signature).decode()}:",
    }


def read_claim(headers: Mapping[str, str]) -> Claimed:
    """Read who signed, from fields with lower-case names.

    Raises:
        SignatureError: a field is missing, or not of the one form that the profile allows.
    """
    given = _INPUT.fullmatch(headers.get("signature-input", ""))
    signature = _SIGNATURE.fullmatch(headers.get("signature", ""))
    digest = _DIGEST.fullmatch(headers.get("content-digest", ""))
    server = _SERVER.fullmatch(headers.get("sayso-server", ""))
    if given is None or signature is None or digest is None or server is None:
        raise SignatureError("the request is not signed in the form that docs/protocol.md gives")
    return Claimed(
        device=DeviceId(bytes.fromhex(given["keyid"])),
        nonce=given["nonce"],
        _params=given["params"],
        _signature=base64.b64decode(signature["value"]),
        _digest=digest[0],
        _server=server[0],
    )


def verify_request(claim: Claimed, request: Request, *, public_key: bytes, server: KeyDigest) -> None:
    """Check a claimed signature. Whether the nonce is fresh is for the caller to find out.

    Args:
        claim: from `read_claim`.
        request: as it came.
        public_key: the device's Ed25519 key, 32 bytes.
        server: this server's key digest.

    Raises:
        SignatureError: body, server or signature do not fit.
    """
    if not same(claim._digest.encode(), content_digest(request.body).encode()):  # noqa: SLF001  same module
        raise SignatureError("the body is not the one that was signed")
    if not same(claim._server.encode(), base64.b64encode(server)):  # noqa: SLF001  same module
        raise SignatureError("the request was signed for another server")
    base = signature_base(claim, request)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(claim._signature, base)  # noqa: SLF001  same module
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("the request's signature does not verify") from error


def signature_base(claim: Claimed, request: Request) -> bytes:
    """Return the bytes that a claimed signature should be over.

    Raises:
        SignatureError: the request is not of a form that can be signed.
    """
    return _base(request, claim._digest, claim._server, claim._params)  # noqa: SLF001  same module


def _base(request: Request, digest: str, server: str, params: str) -> bytes:
    """Build the signature base of RFC 9421, section 2.5.

    A line break in a part would let one request's base be another's; nothing but visible ASCII goes in.
    """
    if not all(_VISIBLE.fullmatch(part) for part in (request.method, request.authority, request.path)):
        raise SignatureError("method, authority and path of a request are visible ASCII")
    return (
        f'"@method": {request.method}\n"@authority": {request.authority}\n"@path": {request.path}\n'
        f'"content-digest": {digest}\n"sayso-server": {server}\n"@signature-params": {params}'
    ).encode("ascii")
