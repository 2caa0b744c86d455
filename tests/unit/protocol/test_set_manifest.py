"""Manifests: only the pinned key's, and only consistent ones."""

from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.protocol.errors import SetError
from sayso.protocol.ids import KeyDigest, key_digest
from sayso.protocol.limits import LIMITS
from sayso.protocol.set_manifest import ChangeFrom, Manifest, SetIndex, read_manifest, sign_manifest
from sayso.protocol.signing import NO_DEVICE, Purpose, sign

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
PINNED = key_digest(PUBLIC)


def a_manifest(**changed: Any) -> Manifest:
    index: dict[str, Any] = {
        "epoch": 5,
        "count": 9,
        "universe_bits": 40,
        "shard_bits": 1,
        "shards": [b"a" * 32, b"b" * 32],
        "changes": [ChangeFrom(14_400, b"c" * 32), ChangeFrom(28_800, b"d" * 32)],
    }
    return Manifest(version=1, built=43_200, sets=[SetIndex(**(index | changed))])


def read(document: bytes, *, key: bytes = PUBLIC, pinned: KeyDigest = PINNED) -> Manifest:
    return read_manifest(document, server_key=key, pinned=pinned)


def test_a_signed_manifest_is_read() -> None:
    assert read(sign_manifest(a_manifest(), KEY)) == a_manifest()


def test_another_key_is_refused() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    document = sign_manifest(a_manifest(), other)
    with pytest.raises(SetError, match="not signed"):
        read(document)
    with pytest.raises(SetError, match="another server"):
        read(document, key=other.public_key().public_bytes_raw())


def test_a_signature_made_for_another_purpose_is_refused() -> None:
    document: dict[str, Any] = msgspec.json.decode(sign_manifest(a_manifest(), KEY))
    body = msgspec.json.encode(document["manifest"], order="sorted")
    document["signature"] = msgspec.to_builtins(
        sign(KEY, Purpose.STATEMENT, server=PINNED, device=NO_DEVICE, body=body)
    )
    with pytest.raises(SetError, match="not signed"):
        read(msgspec.json.encode(document))


@pytest.mark.parametrize(
    "changed",
    [
        {"shards": [b"a" * 32]},
        {"shard_bits": 2},
        {"changes": [ChangeFrom(28_800, b"c" * 32), ChangeFrom(14_400, b"d" * 32)]},
        {"changes": [ChangeFrom(43_200, b"c" * 32)]},
        {"changes": [ChangeFrom(14_400, b"c" * 32), ChangeFrom(14_400, b"d" * 32)]},
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused_though_it_is_signed(changed: dict[str, Any]) -> None:
    with pytest.raises(SetError, match="contradicts"):
        read(sign_manifest(a_manifest(**changed), KEY))


def test_two_sets_of_one_epoch_are_refused() -> None:
    (one,) = a_manifest().sets
    with pytest.raises(SetError, match="two sets"):
        read(sign_manifest(Manifest(version=1, built=43_200, sets=[one, one]), KEY))


@pytest.mark.parametrize(
    "changed",
    [
        {"universe_bits": 39},
        {"universe_bits": 57},
        {"shard_bits": 13},
        {"shard_bits": -1},
        {"count": 2**26 + 1},
        {"epoch": 256},
        {"shards": []},
        {"shards": [b"a" * 31, b"b" * 32]},
        {"changes": [ChangeFrom(one, b"c" * 32) for one in range(LIMITS.set_changes + 1)]},
    ],
)
def test_parameters_out_of_bounds_are_refused_though_they_are_signed(changed: dict[str, Any]) -> None:
    with pytest.raises(SetError, match="malformed"):
        read(sign_manifest(a_manifest(**changed), KEY))


def test_an_endless_or_broken_document_is_refused() -> None:
    for document in (b"", b"{}", b"[" * 100_000, b'{"manifest":{},"signature":""}', b" " * (512 * 1024 + 1)):
        with pytest.raises(SetError):
            read(document)
    document = sign_manifest(a_manifest(), KEY)
    for end in range(len(document)):
        with pytest.raises(SetError):
            read(document[:end])
