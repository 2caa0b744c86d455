"""Shards, changes and manifests of the enrolled set: only SetError, and one encoding for each set."""

import contextlib
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.protocol import enrolled_set as sets
from sayso.protocol.enrolled_set import Change, Shape
from sayso.protocol.errors import SetError
from sayso.protocol.ids import KeyDigest, Token, key_digest
from sayso.protocol.set_manifest import ChangeFrom, Manifest, SetIndex, read_manifest, sign_manifest

SLOW_EXECUTIONS = 10_000
_EPOCH = 5
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_PUBLIC = _KEY.public_key().public_bytes_raw()
_NOBODY = KeyDigest(bytes(32))


def fuzz_one(data: bytes) -> None:
    for shape in (Shape(universe_bits=40, shard_bits=0), Shape(universe_bits=43, shard_bits=1)):
        with contextlib.suppress(SetError):
            shard = sets.decode_shard(data, epoch=_EPOCH, shape=shape, index=0)
            if sets.encode_shards(list(shard), epoch=_EPOCH, shape=shape)[0] != data:
                raise AssertionError("a shard has two encodings")
    with contextlib.suppress(SetError):
        change = sets.decode_change(data, epoch=_EPOCH, universe_bits=40)
        if sets.encode_change(change, epoch=_EPOCH, universe_bits=40) != data:
            raise AssertionError("a change has two encodings")
        with contextlib.suppress(SetError):
            sets.apply_change([1, 2, 3], change)
    # Pinned to nobody's key: everything is parsed and canonicalised, the curve is left to `slow_one`.
    with contextlib.suppress(SetError):
        read_manifest(data, server_key=_PUBLIC, pinned=_NOBODY)


def slow_one(data: bytes) -> None:
    with contextlib.suppress(SetError):
        if read_manifest(data, server_key=_PUBLIC, pinned=key_digest(_PUBLIC)) != _manifest():
            raise AssertionError("accepted, and not what was signed")


def _manifest() -> Manifest:
    index = SetIndex(
        epoch=_EPOCH,
        count=9,
        universe_bits=40,
        shard_bits=1,
        shards=[b"a" * 32, b"b" * 32],
        changes=[ChangeFrom(14_400, b"c" * 32)],
    )
    return Manifest(version=1, built=28_800, sets=[index])


def seeds() -> list[bytes]:
    rng = Random(9)
    found: list[bytes] = []
    for universe_bits, shard_bits, lines in ((40, 0, 0), (40, 0, 1), (40, 0, 33), (43, 1, 50)):
        shape = Shape(universe_bits=universe_bits, shard_bits=shard_bits)
        tokens = [Token(bytes([_EPOCH]) + rng.randbytes(32)) for _ in range(lines)]
        found.append(sets.encode_shards(sets.places(tokens, shape), epoch=_EPOCH, shape=shape)[0])
    change = Change(removed=[2, 77, 2**39], added=sorted(rng.sample(range(2**40), 12)))
    found.append(sets.encode_change(change, epoch=_EPOCH, universe_bits=40))
    found.append(sign_manifest(_manifest(), _KEY))
    return found
