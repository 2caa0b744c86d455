"""The statement: the server's signed description of itself, at ``/.well-known/sayso``.

On the wire a JSON object ``{"statement": {...}, "signature": base64}``; the signature (purpose `statement`, no device)
is over the RFC 8785 form of the inner object. The long-term key stands inside; what makes it trustworthy is its digest,
which the phone's owner agreed to. Unknown members are covered by the signature and otherwise ignored.
"""

import hashlib
from typing import Annotated, Final

import msgspec
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta, Struct

from sayso.protocol import xwing
from sayso.protocol.errors import SignatureError, StatementError
from sayso.protocol.ids import Bytes32, KeyDigest, key_digest, same
from sayso.protocol.limits import KIB
from sayso.protocol.signing import NO_DEVICE, Purpose, sign, verify

MAX_BYTES: Final = 64 * KIB
_XWingKey = Annotated[bytes, Meta(min_length=xwing.PUBLIC_BYTES, max_length=xwing.PUBLIC_BYTES)]


class Epoch(Struct, frozen=True):
    """One VOPRF key."""

    epoch: Annotated[int, Meta(ge=0, le=255)]
    voprf_key: Bytes32


class Policy(Struct, frozen=True):
    """The policy that consent is given to."""

    version: Annotated[str, Meta(max_length=32)]
    sha256: Bytes32


class Statement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a server says of itself."""

    version: Annotated[int, Meta(ge=1, le=1)]
    server_key: Bytes32
    """Long-term Ed25519 key; its SHA-256 is pinned."""
    epochs: Annotated[list[Epoch], Meta(min_length=1, max_length=2)]
    """The current epoch first, then the one that ends."""
    registrar_key_id: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    registrar_key: _XWingKey
    """What numbers are sealed to; the one before it still opens while the two overlap."""
    certificate_key: Bytes32
    receipt_key: Bytes32
    policy: Policy
    stream: Annotated[str, Meta(max_length=255, pattern=r"^wss?://[\x21-\x7e]+\Z")]
    """Where the stream is, e.g. ``wss://chat.example/stream``."""
    limits: dict[str, int]
    """What this server allows, by the names of `protocol.limits`."""
    other_certificate_key: Bytes32 | None = None
    """Signs certificates too, or did until lately: while two keys overlap."""
    other_receipt_key: Bytes32 | None = None
    """Signs receipts too, or did until lately."""

    @property
    def certificate_keys(self) -> tuple[bytes, ...]:
        """What a certificate may be signed with."""
        return _both(self.certificate_key, self.other_certificate_key)

    @property
    def receipt_keys(self) -> tuple[bytes, ...]:
        """What a receipt may be signed with."""
        return _both(self.receipt_key, self.other_receipt_key)

    def epoch_of(self, token: bytes) -> Epoch | None:
        """Return the live epoch that a token is of."""
        return next((one for one in self.epochs if one.epoch == token[0]), None)


class Signed(Struct, frozen=True, forbid_unknown_fields=True):
    """The document on the wire."""

    statement: dict[str, object]
    signature: bytes


def _both(key: bytes, other: bytes | None) -> tuple[bytes, ...]:
    return (key,) if other is None else (key, other)


def sign_statement(statement: Statement, key: Ed25519PrivateKey) -> bytes:
    """Return the signed document as JSON.

    Args:
        statement: with `server_key` being the public half of `key`.
        key: the long-term key.
    """
    inner = msgspec.to_builtins(statement)
    body = rfc8785.dumps(inner)
    signature = sign(key, Purpose.STATEMENT, server=key_digest(statement.server_key), device=NO_DEVICE, body=body)
    return rfc8785.dumps({"statement": inner, "signature": msgspec.to_builtins(signature)})


def read_statement(document: bytes, *, pinned: KeyDigest) -> tuple[Statement, bytes]:
    """Check a document and return the statement with its digest (SHA-256 of its RFC 8785 form).

    Args:
        document: JSON, at most 64 KiB.
        pinned: the digest that the owner of the phone agreed to.

    Raises:
        StatementError: malformed, by another key, or the signature does not verify.
    """
    if len(document) > MAX_BYTES:
        raise StatementError("the server's statement is longer than 64 KiB")
    try:
        signed = msgspec.json.decode(document, type=Signed)
        statement = msgspec.convert(signed.statement, Statement)
        body = rfc8785.dumps(signed.statement)  # type: ignore[arg-type]  # JSON values by construction
    except (msgspec.MsgspecError, rfc8785.CanonicalizationError, RecursionError, UnicodeDecodeError) as error:
        raise StatementError("the server's statement is malformed") from error
    if len({one.epoch for one in statement.epochs}) != len(statement.epochs):
        raise StatementError("the server's statement names one epoch twice")
    if not same(key_digest(statement.server_key), pinned):
        raise StatementError("this is not the server that was agreed to: its long-term key is another one")
    try:
        verify(
            statement.server_key,
            signed.signature,
            Purpose.STATEMENT,
            server=pinned,
            device=NO_DEVICE,
            body=body,
        )
    except SignatureError as error:
        raise StatementError("the server's statement is not signed by its long-term key") from error
    return statement, hashlib.sha256(body).digest()
