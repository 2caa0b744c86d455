"""Who and what the test vectors are about: one server, Alice and Bob, all from fixed seeds and fictional numbers.

Nothing here is random, so whoever writes another client makes the same keys from the same seeds.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sayso.consent.records import MESSAGING_DATA, MESSAGING_PURPOSES, ConsentRecord
from sayso.protocol import tokens
from sayso.protocol.certificate import Certificate, commitment
from sayso.protocol.content import Party
from sayso.protocol.ids import DeviceId, KeyDigest, Token, key_digest
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.statement import Epoch, Policy, Statement
from sayso.protocol.xwing import SealPrivateKey

NOW: Final = 1_790_000_000
"""The moment at which everything happens, Unix seconds: 2026-09-21T14:13:20Z."""
EPOCH: Final = 7


def seed(name: str, length: int = 32) -> bytes:
    """Return the fixed bytes that go by a name: SHAKE-256(``sayso vector: `` ‖ name)."""
    return hashlib.shake_256(b"sayso vector: " + name.encode()).digest(length)


def signing_key(name: str) -> Ed25519PrivateKey:
    """Return the Ed25519 key that goes by a name."""
    return Ed25519PrivateKey.from_private_bytes(seed(name))


LONG_TERM: Final = signing_key("server long-term")
CERTIFICATE_KEY: Final = signing_key("server certificate")
RECEIPT_KEY: Final = signing_key("server receipt")
REGISTRAR: Final = SealPrivateKey(seed("server registrar", 96))
VOPRF_SEED: Final = seed("server voprf")
SERVER_KEY: Final = LONG_TERM.public_key().public_bytes_raw()
SERVER: Final[KeyDigest] = key_digest(SERVER_KEY)
POLICY: Final = Policy("2026-09", hashlib.sha256(b"sayso vector: policy").digest())


@dataclass(frozen=True)
class Person:
    """One line: its number, its device and the device's keys."""

    name: str
    e164: str

    @property
    def number(self) -> PhoneNumber:
        """The line's number; the two are from ranges kept for fiction."""
        return PhoneNumber(self.e164)

    @property
    def token(self) -> Token:
        """The line's token in `EPOCH`."""
        return tokens.token_of(VOPRF_SEED, EPOCH, self.number)

    @property
    def device(self) -> DeviceId:
        """The device's id."""
        return DeviceId(seed(f"{self.name} device", 16))

    @property
    def key(self) -> Ed25519PrivateKey:
        """The device's signing key."""
        return signing_key(f"{self.name} ed25519")

    @property
    def ed25519(self) -> bytes:
        """The public half of `key`."""
        return self.key.public_key().public_bytes_raw()

    @property
    def curve25519(self) -> bytes:
        """The device's Olm identity key."""
        return X25519PrivateKey.from_private_bytes(seed(f"{self.name} curve25519")).public_key().public_bytes_raw()

    @property
    def envelope_key(self) -> SealPrivateKey:
        """The device's envelope key."""
        return SealPrivateKey(seed(f"{self.name} envelope key", 96))

    @property
    def salt(self) -> bytes:
        """The salt of the line's commitment."""
        return seed(f"{self.name} salt")

    @property
    def grant(self) -> bytes:
        """The line's grant."""
        return seed(f"{self.name} grant")

    @property
    def party(self) -> Party:
        """How the line stands in a content."""
        return Party(self.e164, self.token, self.device, self.ed25519, self.curve25519)

    @property
    def certificate(self) -> Certificate:
        """What the server vouches for."""
        return Certificate(
            epoch=EPOCH,
            token=self.token,
            commitment=commitment(self.salt, self.number),
            device=self.device,
            ed25519=self.ed25519,
            curve25519=self.curve25519,
            expires=NOW + 8 * 24 * 3600,
        )


ALICE: Final = Person("alice", "+447700900123")
BOB: Final = Person("bob", "+12025550123")

STATEMENT: Final = Statement(
    version=1,
    server_key=SERVER_KEY,
    epochs=[Epoch(EPOCH, tokens.public_key(VOPRF_SEED))],
    registrar_key_id=3,
    registrar_key=REGISTRAR.public_bytes(),
    certificate_key=CERTIFICATE_KEY.public_key().public_bytes_raw(),
    receipt_key=RECEIPT_KEY.public_key().public_bytes_raw(),
    policy=POLICY,
    stream="wss://chat.example/v1/stream",
    limits={"body_bytes": 49152, "ttl_max_s": 604800},
)
RECORD: Final = ConsentRecord(
    record_id=seed("consent record", 16),
    kind="messaging",
    server="https://chat.example",
    server_key=SERVER,
    policy=POLICY,
    purposes=MESSAGING_PURPOSES,
    personal_data=MESSAGING_DATA,
    timestamp="2026-09-21T14:13:20Z",
    method="settings-switch",
    line=seed("alice line", 16),
    device=ALICE.device,
    device_key=ALICE.ed25519,
    findable="everyone",
)
