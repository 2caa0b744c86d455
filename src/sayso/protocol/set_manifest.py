"""The manifest of the enrolled set: which shards make it up, by their SHA-256, signed (docs/adr/0011).

On the wire a JSON object ``{"manifest": {...}, "signature": base64}``, signed like the statement (purpose
`enrolled-set`, no device), by the same long-term key. Members that are not known are covered and ignored.
"""

from typing import Annotated

import msgspec
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta, Struct

from sayso.protocol.enrolled_set import (
    MAX_LINES,
    SHARD_BITS_MAX,
    UNIVERSE_BITS_MAX,
    UNIVERSE_BITS_MIN,
    Shape,
)
from sayso.protocol.errors import SetError, SignatureError
from sayso.protocol.ids import Bytes32, KeyDigest, key_digest, same
from sayso.protocol.limits import LIMITS
from sayso.protocol.signing import NO_DEVICE, Purpose, sign, verify

_Built = Annotated[int, Meta(ge=0, le=2**40)]


class ChangeFrom(Struct, frozen=True):
    """A blob that leads from one build of this set to the one after it."""

    since: _Built
    """`built` of the earlier one."""
    sha256: Bytes32


class SetIndex(Struct, frozen=True, kw_only=True):
    """The set of one epoch."""

    epoch: Annotated[int, Meta(ge=0, le=255)]
    count: Annotated[int, Meta(ge=0, le=MAX_LINES)]
    universe_bits: Annotated[int, Meta(ge=UNIVERSE_BITS_MIN, le=UNIVERSE_BITS_MAX)]
    shard_bits: Annotated[int, Meta(ge=0, le=SHARD_BITS_MAX)]
    shards: Annotated[list[Bytes32], Meta(min_length=1, max_length=1 << SHARD_BITS_MAX)]
    """SHA-256 of each shard, in order."""
    changes: Annotated[list[ChangeFrom], Meta(max_length=LIMITS.set_changes)] = []
    """The last changes, oldest first; each leads to the `since` of the next, the last one to this build."""

    @property
    def shape(self) -> Shape:
        """The set's shape."""
        return Shape(universe_bits=self.universe_bits, shard_bits=self.shard_bits)


class Manifest(Struct, frozen=True, kw_only=True):
    """One build."""

    version: Annotated[int, Meta(ge=1, le=1)]
    built: _Built
    """Unix seconds of the fixed hour that it is of."""
    sets: Annotated[list[SetIndex], Meta(min_length=1, max_length=2)]
    """One for each live epoch, the current one first."""

    @property
    def blobs(self) -> list[bytes]:
        """SHA-256 of every blob that it names."""
        shards = [sha256 for one in self.sets for sha256 in one.shards]
        return shards + [step.sha256 for one in self.sets for step in one.changes]

    def of_epoch(self, epoch: int) -> SetIndex | None:
        """Return the set of an epoch."""
        return next((one for one in self.sets if one.epoch == epoch), None)


class SignedManifest(Struct, frozen=True, forbid_unknown_fields=True):
    """The document on the wire."""

    manifest: dict[str, object]
    signature: bytes


def sign_manifest(manifest: Manifest, key: Ed25519PrivateKey) -> bytes:
    """Return the signed document as JSON."""
    inner = msgspec.to_builtins(manifest)
    server = key_digest(key.public_key().public_bytes_raw())
    signature = sign(key, Purpose.ENROLLED_SET, server=server, device=NO_DEVICE, body=rfc8785.dumps(inner))
    return rfc8785.dumps({"manifest": inner, "signature": msgspec.to_builtins(signature)})


def read_manifest(document: bytes, *, server_key: bytes, pinned: KeyDigest) -> Manifest:
    """Check a document.

    Args:
        document: JSON.
        server_key: the long-term key, as the verified statement has it.
        pinned: its digest, which the owner of the phone agreed to.

    Raises:
        SetError: malformed, at odds with itself, or not signed by this key.
    """
    if len(document) > LIMITS.set_manifest_bytes:
        raise SetError("the enrolled set's manifest is too long")
    try:
        signed = msgspec.json.decode(document, type=SignedManifest)
        manifest = msgspec.convert(signed.manifest, Manifest)
        body = rfc8785.dumps(signed.manifest)  # type: ignore[arg-type]  # JSON values by construction
    except (msgspec.MsgspecError, rfc8785.CanonicalizationError, RecursionError, UnicodeDecodeError) as error:
        raise SetError("the enrolled set's manifest is malformed") from error
    if not same(key_digest(server_key), pinned):
        raise SetError("the enrolled set's manifest is of another server")
    try:
        verify(server_key, signed.signature, Purpose.ENROLLED_SET, server=pinned, device=NO_DEVICE, body=body)
    except SignatureError as error:
        raise SetError("the enrolled set's manifest is not signed by the server's long-term key") from error
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    if len({one.epoch for one in manifest.sets}) != len(manifest.sets):
        raise SetError("the enrolled set's manifest has two sets for one epoch")
    for one in manifest.sets:
        times = [step.since for step in one.changes] + [manifest.built]
        if len(one.shards) != one.shape.shards or times != sorted(set(times)):
            raise SetError("the enrolled set's manifest contradicts itself")
