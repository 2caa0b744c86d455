"""Builds enrolled sets for the honest server, as a real one does."""

import hashlib
from random import Random

from sayso.protocol import enrolled_set
from sayso.protocol.api import SET_BLOBS_PATH, SETS_PATH
from sayso.protocol.enrolled_set import Shape
from sayso.protocol.ids import Token
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.set_manifest import ChangeFrom, Manifest, SetIndex, sign_manifest
from sayso.protocol.tokens import token_of
from tests.fakes.honest_server import EPOCH, HonestServer


class Publisher:
    """Builds sets for the honest server, as a real one does."""

    def __init__(self, server: HonestServer, strangers: int = 5000) -> None:
        self.server = server
        rng = Random(6)
        self.tokens = [Token(bytes([EPOCH]) + rng.randbytes(32)) for _ in range(strangers)]
        self.shape: Shape | None = None
        self.places: list[int] | None = None
        self.changes: list[ChangeFrom] = []
        self.built = 0

    def enrol(self, number: str) -> None:
        self.tokens.append(token_of(self.server.voprf, EPOCH, PhoneNumber(number)))

    def blob(self, content: bytes) -> bytes:
        sha256 = hashlib.sha256(content).digest()
        self.server.public[f"{SET_BLOBS_PATH}/{sha256.hex()}"] = content
        return sha256

    def publish(self, *, built: int | None = None) -> Manifest:
        self.shape = enrolled_set.shape_for(len(self.tokens), self.shape)
        places = enrolled_set.places(self.tokens, self.shape)
        shards = enrolled_set.encode_shards(places, epoch=EPOCH, shape=self.shape)
        if self.places is not None:
            change = enrolled_set.change_between(self.places, places)
            blob = enrolled_set.encode_change(change, epoch=EPOCH, universe_bits=self.shape.universe_bits)
            self.changes.append(ChangeFrom(self.built, self.blob(blob)))
        self.built = built or self.built + LIMITS.set_build_s or 1
        self.places = places
        index = SetIndex(
            epoch=EPOCH,
            count=len(places),
            universe_bits=self.shape.universe_bits,
            shard_bits=self.shape.shard_bits,
            shards=[self.blob(shard) for shard in shards],
            changes=list(self.changes),
        )
        return self.show(Manifest(version=1, built=self.built, sets=[index]))

    def show(self, manifest: Manifest) -> Manifest:
        self.server.public[SETS_PATH] = sign_manifest(manifest, self.server.long_term)
        return manifest
