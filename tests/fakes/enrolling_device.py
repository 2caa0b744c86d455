"""A device that talks to the control plane by hand: it signs what it likes, rightly or wrongly."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.policy import current_policy
from sayso.consent.records import (
    MESSAGING_DATA,
    MESSAGING_PURPOSES,
    ConsentRecord,
    Withdrawal,
    sign_record,
    sign_withdrawal,
)
from sayso.protocol import api
from sayso.protocol.ids import DeviceId, KeyDigest
from sayso.protocol.keys import (
    DeviceKeys,
    EnvelopeKey,
    RatchetKey,
    sign_envelope_key,
    sign_identity,
    sign_ratchet_key,
)
from sayso.protocol.requests import Request, sign_request
from sayso.protocol.signing import Purpose
from sayso.protocol.statement import Statement, read_statement
from sayso.protocol.xwing import SealPrivateKey, SealPublicKey
from tests.fakes.asgi import Answer
from tests.fakes.control_world import WALL

AUTHORITY = "chat.example:8080"
NO_NONCE = "no-nonce-yet-ask-for-one"


class HttpClient(Protocol):
    """How requests get to the server."""

    async def request(self, method: str, path: str, fields: list[tuple[str, str]], body: bytes = b"") -> Answer:
        """Send one, return its answer."""
        ...


@dataclass
class EnrollingDevice:
    """One device. `number` is an E.164 text: it may be none."""

    client: HttpClient
    pinned: KeyDigest
    number: str = "+447700900001"
    seed: int = 1
    findable: str = "everyone"
    now: float = WALL
    """Unix seconds at which it makes its keys: a fake server's time; at a real server, the time of day."""
    statement: Statement = field(init=False)
    nonces: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.key = Ed25519PrivateKey.from_private_bytes(self._random.randbytes(32))
        self.device = DeviceId(self._random.randbytes(16))
        self.curve25519 = self._random.randbytes(32)
        self.record_id = self._random.randbytes(16)
        self.salt = self._random.randbytes(32)
        self.public = self.key.public_key().public_bytes_raw()
        self.next_key = 0

    def drawn(self, count: int = 16) -> bytes:
        """Random bytes."""
        return self._random.randbytes(count)

    async def fetch_statement(self) -> Answer:
        """Get and check the statement."""
        answer = await self.client.request("GET", api.STATEMENT_PATH, [("Host", AUTHORITY)])
        self.statement, _ = read_statement(answer.body, pinned=self.pinned)
        return answer

    def keys(self) -> DeviceKeys:
        """Who this device is."""
        return sign_identity(self.key, device=self.device, server=self.pinned, curve25519=self.curve25519)

    def record(self) -> ConsentRecord:
        """The consent, not signed yet."""
        return ConsentRecord(
            record_id=self.record_id,
            kind="messaging",
            server="http://chat.example:8080",
            server_key=self.pinned,
            policy=current_policy(),
            purposes=MESSAGING_PURPOSES,
            personal_data=MESSAGING_DATA,
            timestamp="2026-11-22T10:00:00Z",
            method="test",
            line=b"l" * 16,
            device=self.device,
            device_key=self.public,
            findable="everyone" if self.findable == "everyone" else "nobody",
        )

    def enrol_body(self, nonce: str, enrolment: bytes, record: ConsentRecord | None = None) -> api.Enrol:
        """Consent, keys and sealed number."""
        epoch = self.statement.epochs[0].epoch
        sealed = SealPublicKey(self.statement.registrar_key).seal(
            api.number_plaintext(self.salt, self.number), info=api.number_info(enrolment, epoch, nonce)
        )
        return api.Enrol(
            id=enrolment,
            consent=sign_record(record or self.record(), self.key),
            keys=self.keys(),
            epoch=epoch,
            registrar_key_id=self.statement.registrar_key_id,
            sealed_number=sealed,
        )

    def move_body(self, nonce: str, *, number: str | None = None, salt: bytes | None = None) -> api.MoveEpoch:
        """The number once more, for the current epoch."""
        epoch = self.statement.epochs[0].epoch
        plaintext = api.number_plaintext(salt or self.salt, number or self.number)
        sealed = SealPublicKey(self.statement.registrar_key).seal(
            plaintext, info=api.epoch_info(self.device, epoch, nonce)
        )
        return api.MoveEpoch(epoch, self.statement.registrar_key_id, sealed)

    async def nonce(self) -> str:
        """A fresh nonce."""
        if not self.nonces:
            answer = await self.post_raw(api.ME_PATH, b"{}", NO_NONCE)
            assert answer.problem == "bad-nonce"
        return self.nonces.pop()

    async def post(
        self, path: str, body: msgspec.Struct | Callable[[str], msgspec.Struct] | dict[str, object]
    ) -> Answer:
        """Send a signed request."""
        nonce = await self.nonce()
        made = body(nonce) if callable(body) else body
        return await self.post_raw(path, msgspec.json.encode(made), nonce)

    async def post_raw(self, path: str, body: bytes, nonce: str) -> Answer:
        """Send these bytes, signed with this nonce."""
        return await self.send(path, self.fields(path, body, nonce), body)

    def fields(self, path: str, body: bytes, nonce: str) -> dict[str, str]:
        """The fields of a signed request."""
        request = Request(method="POST", authority=AUTHORITY, path=path, body=body)
        fields = sign_request(request, key=self.key, device=self.device, server=self.pinned, nonce=nonce)
        return {"Host": AUTHORITY, "Content-Type": "application/json", **fields}

    async def send(self, path: str, fields: dict[str, str], body: bytes) -> Answer:
        """Send fields and body as they are, and keep the nonce of the answer."""
        answer = await self.client.request("POST", path, list(fields.items()), body)
        fresh = answer.field(api.REPLAY_NONCE)
        if fresh is not None:
            self.nonces.append(fresh)
        return answer

    async def ask_code(self, enrolment: bytes | None = None) -> bytes:
        """Ask for a code; returns the enrolment id."""
        await self.fetch_statement()
        enrolment = enrolment or self.drawn()
        answer = await self.post(api.ENROL_PATH, lambda nonce: self.enrol_body(nonce, enrolment))
        assert answer.status == 202, answer.body
        return enrolment

    def one_time_keys(self, count: int) -> list[RatchetKey]:
        """Fresh one-time keys, with growing ids."""
        self.next_key += count
        return [self.ratchet_key(Purpose.ONE_TIME_KEY, key) for key in range(self.next_key - count, self.next_key)]

    def ratchet_key(self, purpose: Purpose, key_id: int) -> RatchetKey:
        """A one-time or fallback key."""
        return sign_ratchet_key(
            self.key, purpose, device=self.device, server=self.pinned, key_id=key_id, public=self.drawn(32)
        )

    def envelope_key(self, key_id: int, created: int | None = None) -> EnvelopeKey:
        """An envelope key."""
        made = int(self.now) if created is None else created
        public = SealPrivateKey(self.drawn(96)).public_bytes()
        return sign_envelope_key(
            self.key, device=self.device, server=self.pinned, key_id=key_id, created=made, public=public
        )

    def all_keys(self, one_time: int = 5) -> api.PublishKeys:
        """What a phone publishes after it enrolled."""
        return api.PublishKeys(
            one_time=self.one_time_keys(one_time),
            fallback=self.ratchet_key(Purpose.FALLBACK_KEY, 0),
            envelope=self.envelope_key(1),
        )

    def withdrawal(self, timestamp: str = "2026-11-23T10:00:00Z") -> api.WithdrawConsent:
        """The no."""
        withdrawal = Withdrawal(
            record_id=self.record_id, server_key=self.pinned, device=self.device, timestamp=timestamp
        )
        return api.WithdrawConsent(sign_withdrawal(withdrawal, self.key))
