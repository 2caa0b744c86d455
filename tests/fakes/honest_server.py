"""A whole server in memory, honest and small: what phones need of it, through the same codecs, without a network.

It keeps the promises that the phone relies on (order, custody, outcomes, the grant, one-time keys handed out once), and
can be told to be off, to lose answers, or to forget a device.
"""

import asyncio
import hashlib
import itertools
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from sayso.consent.errors import GateClosedError
from sayso.consent.ports import Journal
from sayso.consent.receipts import Receipt, sign_receipt
from sayso.consent.records import VerifiedConsent, canonical, read_record, read_withdrawal
from sayso.phone.errors import LoginRefusedError, ProblemError, UnreachableError
from sayso.phone.line.world import Reach
from sayso.phone.ports import NonceBody, ResponseT, StreamLink
from sayso.protocol import api
from sayso.protocol.certificate import Certificate, commitment, issue
from sayso.protocol.frames import (
    Ack,
    Ask,
    CaughtUp,
    Collect,
    Deliver,
    Deposit,
    Deposited,
    DepositState,
    Frame,
    Outcome,
    OutcomeState,
    Refusal,
    Refused,
    Unreadable,
    Withdrawn,
    WrongDevices,
)
from sayso.protocol.ids import (
    DeviceId,
    EnvelopeId,
    HandleHash,
    KeyDigest,
    envelope_id,
    grant_hash,
    handle_hash,
    key_digest,
)
from sayso.protocol.keys import DeviceKeys, EnvelopeKey, RatchetKey
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.statement import Epoch, Policy, Statement, sign_statement
from sayso.protocol.stream import client_frames, write
from sayso.protocol.tokens import evaluate, public_key, token_of
from sayso.protocol.xwing import PRIVATE_BYTES, SealPrivateKey
from tests.fakes.control_plane import FakeControlPlane
from tests.fakes.modem import FakeNetwork
from tests.fakes.phone_clock import FakeClock, SeededRandom
from tests.fakes.stream import FakeLink

URL = "http://127.0.0.1:8080"
POLICY = Policy("1", bytes(32))
SERVICE_NUMBER = "+12025550100"
EPOCH = 1


@dataclass
class Pending:
    """An enrolment that waits for its code."""

    keys: DeviceKeys
    record: VerifiedConsent
    number: PhoneNumber
    salt: bytes
    code: str
    answer: api.Enrolled | None = None


@dataclass
class Enrolment:
    """An enrolled device."""

    keys: DeviceKeys
    token: bytes
    commitment: bytes
    record: VerifiedConsent
    previous_token: bytes | None = None
    grant_hash: bytes = b""
    one_time: deque[RatchetKey] = field(default_factory=deque)
    fallback: RatchetKey | None = None
    envelope_keys: list[EnvelopeKey] = field(default_factory=list)


@dataclass
class Waiting:
    """An envelope in custody."""

    device: bytes
    envelope_id: EnvelopeId
    envelope: bytes
    handle_hash: HandleHash
    granted: bool
    sender: "ServerLink | None"


class HonestServer:
    """The server."""

    def __init__(self, clock: FakeClock, network: FakeNetwork, *, policy: Policy = POLICY) -> None:
        self.clock = clock
        self.network = network
        self.off = False
        """Whether nobody answers."""
        self.loses_answers: set[str] = set()
        """Paths whose next answer is lost after the request was carried out."""
        self.refuses_once: dict[str, ProblemError] = {}
        """Paths whose next request is refused."""
        self.mailbox_full = False
        self.enrolments: dict[bytes, Enrolment] = {}
        """By device."""
        self.pending: dict[bytes, Pending] = {}
        self.waiting: list[Waiting] = []
        self.outcomes: dict[bytes, OutcomeState] = {}
        self.links: dict[bytes, ServerLink] = {}
        self.deposits: list[Deposit] = []
        """Every deposit frame that came, in order."""
        self.claims: list[bytes] = []
        """Every token that was claimed, in order."""
        self._documents: dict[tuple[object, ...], bytes] = {}
        """Statements that were signed, by what they say: signing is dear, and asked for all the time."""
        self.random = SeededRandom(99)
        self._codes = itertools.count(100_000)
        seeds = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3)]
        self.long_term, self.certificate_key, self.receipt_key = seeds
        self.registrar = SealPrivateKey(self.random.token_bytes(PRIVATE_BYTES))
        self.voprf_keys = {EPOCH: bytes([7]) * 32}
        """By epoch, the current one first."""
        self.other_certificate_key: Ed25519PrivateKey | None = None
        """Signs still, while it overlaps with the one that took its place."""
        self.evaluates_with: bytes | None = None
        """Another key than the one that the statement names."""
        self.faces: dict[bytes, dict[int, bytes]] = {}
        """Devices that are shown a statement of their own: with these VOPRF keys."""
        self.policy = policy
        self.public: dict[str, bytes] = {}
        """What everyone is given: the enrolled set's manifest and blobs, by path."""
        self.fetched: list[str] = []
        """What was fetched of that, in order."""
        self.evaluated: list[int] = []
        """How many elements each batch had."""
        self.budget: int | None = None
        """How many more numbers may be asked for; None: any."""

    @property
    def digest(self) -> KeyDigest:
        """What phones pin."""
        return key_digest(self.long_term.public_key().public_bytes_raw())

    @property
    def epoch(self) -> int:
        """The current one."""
        return next(iter(self.voprf_keys))

    @property
    def voprf(self) -> bytes:
        """The current epoch's key."""
        return self.voprf_keys[self.epoch]

    def token(self, number: PhoneNumber) -> bytes:
        """A number's token of the current epoch."""
        return token_of(self.voprf_keys[self.epoch], self.epoch, number)

    def rotate_voprf(self) -> None:
        """Begin another epoch beside the current one."""
        fresh = self.epoch + 1
        self.voprf_keys = {fresh: bytes([7 + fresh]) * 32, self.epoch: self.voprf_keys[self.epoch]}

    def end_epoch(self) -> None:
        """Destroy the older key, and what has its tokens only."""
        self.voprf_keys = {self.epoch: self.voprf_keys[self.epoch]}
        for device, one in list(self.enrolments.items()):
            one.previous_token = None
            if one.token[0] != self.epoch:
                self.forget(device)

    def rotate_certificate_key(self) -> None:
        """State another certificate key; the one before it signs on."""
        self.other_certificate_key = self.certificate_key
        self.certificate_key = Ed25519PrivateKey.from_private_bytes(bytes([4]) * 32)

    def document(self, device: bytes = b"") -> bytes:
        """The signed statement, as it is shown to a device."""
        keys = self.faces.get(device, self.voprf_keys)
        other = self.other_certificate_key
        asked = (tuple(keys.items()), self.long_term, self.certificate_key, other, self.policy)
        if asked not in self._documents:
            self._documents[asked] = self._signed(keys, other)
        return self._documents[asked]

    def _signed(self, keys: dict[int, bytes], other: Ed25519PrivateKey | None) -> bytes:
        return sign_statement(
            Statement(
                version=1,
                server_key=self.long_term.public_key().public_bytes_raw(),
                epochs=[Epoch(epoch, public_key(key)) for epoch, key in keys.items()],
                registrar_key_id=1,
                registrar_key=self.registrar.public_bytes(),
                certificate_key=self.certificate_key.public_key().public_bytes_raw(),
                receipt_key=self.receipt_key.public_key().public_bytes_raw(),
                policy=self.policy,
                stream="ws://127.0.0.1:8081/v1/stream",
                limits={},
                other_certificate_key=None if other is None else other.public_key().public_bytes_raw(),
            ),
            self.long_term,
        )

    def certificate(self, enrolment: Enrolment, *, lasts: int = LIMITS.certificate_s) -> bytes:
        """Issue a sender certificate."""
        keys = enrolment.keys
        return issue(
            Certificate(
                epoch=enrolment.token[0],
                token=enrolment.token,
                commitment=enrolment.commitment,
                device=keys.device,
                ed25519=keys.ed25519,
                curve25519=keys.curve25519,
                expires=int(self.clock.wall()) + lasts,
            ),
            self.other_certificate_key or self.certificate_key,
            server=self.digest,
        )

    def of_number(self, number: str) -> Enrolment | None:
        """The enrolment of a number."""
        tokens = {token_of(key, epoch, PhoneNumber(number)) for epoch, key in self.voprf_keys.items()}
        return next((one for one in self.enrolments.values() if one.token in tokens), None)

    def reached_under(self, token: bytes) -> Enrolment | None:
        """The enrolment with a token."""
        return next((one for one in self.enrolments.values() if token in {one.token, one.previous_token}), None)

    def forget(self, device: bytes) -> None:
        """Erase an enrolment, with everything that waits for it."""
        self.enrolments.pop(device, None)
        link = self.links.pop(device, None)
        for one in [one for one in self.waiting if one.device == device]:
            self._settle(one, OutcomeState.GONE)
        if link is not None:
            link.hang_up()

    def reachable(self, device: bytes) -> bool:
        """Whether a device gets an answer."""
        del device
        return not self.off

    def stop(self) -> None:
        """Be gone: every stream ends, nobody answers."""
        self.off = True
        for link in list(self.links.values()):
            link.hang_up()
        self.links.clear()

    # ---- what the phone is given ----

    def open_reach(
        self, consent: VerifiedConsent, *, device: DeviceId, key: Ed25519PrivateKey, journal: Journal
    ) -> Reach:
        """The OpenReach of phones at this server."""
        assert key.public_key().public_bytes_raw() == consent.record.device_key
        del journal
        gate = FakeGate()
        return Reach(gate=gate, control=ServerControl(self, device, gate), stream=self.connector(device, gate))

    def connector(self, device: DeviceId, gate: "FakeGate") -> "ServerConnector":
        """A device's way to a stream."""
        return ServerConnector(self, device, gate)

    def more_paths(self, device: DeviceId) -> dict[str, Callable[[Struct], Struct]]:
        """What a server that does more answers to a device."""
        del device
        return {}

    # ---- the control plane ----

    def enrol(self, body: api.Enrol, nonce: str) -> api.EnrolPending:
        record = read_record(body.consent)
        plaintext = self.registrar.open(body.sealed_number, info=api.number_info(body.id, body.epoch, nonce))
        salt, number = api.read_number_plaintext(plaintext)
        if body.id in self.pending:
            return api.EnrolPending(body.id, LIMITS.code_s, LIMITS.code_digits)
        code = f"{next(self._codes):06d}"
        self.pending[body.id] = Pending(body.keys, record, PhoneNumber(number), salt, code)
        self.network.inject(SERVICE_NUMBER, number, f"Sayso code: {code}")
        return api.EnrolPending(body.id, LIMITS.code_s, LIMITS.code_digits)

    def confirm(self, body: api.Confirm) -> api.Enrolled:
        pending = self.pending.get(body.id)
        if pending is None or pending.code != body.code:
            raise ProblemError("code", "This code is wrong, used or expired.")
        if pending.answer is None:
            token = self.token(pending.number)
            for device in [d for d, one in self.enrolments.items() if one.token == token]:
                self.forget(device)
            enrolment = Enrolment(pending.keys, token, commitment(pending.salt, pending.number), pending.record)
            self.enrolments[pending.keys.device] = enrolment
            receipt = self._receipt(
                "given", pending.record.record.record_id, pending.record.digest, pending.keys.device
            )
            pending.answer = api.Enrolled(receipt, self.certificate(enrolment), LIMITS.lease_s)
        return pending.answer

    def publish(self, device: bytes, body: api.PublishKeys) -> api.KeysLeft:
        enrolment = self._enrolled(device)
        enrolment.one_time.extend(body.one_time)
        enrolment.fallback = body.fallback or enrolment.fallback
        if body.envelope is not None:
            enrolment.envelope_keys = [body.envelope, *enrolment.envelope_keys][:2]
        return api.KeysLeft(len(enrolment.one_time))

    def claim(self, device: bytes, body: api.Claim) -> api.Claimed:
        self._enrolled(device)
        self.claims += [line.token for line in body.lines]
        return api.Claimed([api.ClaimedLine(line.token, self._bundles(line)) for line in body.lines])

    def evaluate(self, device: bytes, body: api.Evaluate) -> api.Evaluated:
        if not any(pending.keys.device == device for pending in self.pending.values()):
            raise ProblemError("not-enrolled", "This device is not enrolled.")
        if self.budget is not None and len(body.elements) > self.budget:
            raise ProblemError("limit", "No more new numbers can be asked for now.", retry_after_s=432)
        self.budget = None if self.budget is None else self.budget - len(body.elements)
        self.evaluated.append(len(body.elements))
        key = self.faces.get(device, self.voprf_keys).get(body.epoch)
        if key is None:
            raise ProblemError("epoch", "This epoch is over: fetch the statement.")
        return api.Evaluated(body.epoch, evaluate(self.evaluates_with or key, body.elements))

    def set_grant(self, device: bytes, body: api.SetGrant) -> api.Empty:
        self._enrolled(device).grant_hash = body.grant_hash
        return api.Empty()

    def renew(self, device: bytes) -> api.Renewed:
        return api.Renewed(self.certificate(self._enrolled(device)), LIMITS.lease_s)

    def agree_anew(self, device: bytes, body: api.AgreeAnew) -> api.AgreedAnew:
        enrolment = self._enrolled(device)
        record = read_record(body.consent)
        if record.record.policy != self.policy:
            raise ProblemError("policy", "The policy has changed.")
        enrolment.record = record
        return api.AgreedAnew(self._receipt("given", record.record.record_id, record.digest, device))

    def move(self, device: bytes, body: api.MoveEpoch, nonce: str) -> api.Moved:
        enrolment = self._enrolled(device)
        if body.epoch != self.epoch:
            raise ProblemError("epoch", "This is not the current epoch: fetch the statement.")
        plaintext = self.registrar.open(body.sealed_number, info=api.epoch_info(device, body.epoch, nonce))
        salt, number = api.read_number_plaintext(plaintext)
        assert commitment(salt, PhoneNumber(number)) == enrolment.commitment
        fresh = self.token(PhoneNumber(number))
        if enrolment.token != fresh:
            enrolment.previous_token, enrolment.token = enrolment.token, fresh
        return api.Moved(self.certificate(enrolment), LIMITS.lease_s)

    def withdraw(self, device: bytes, body: api.WithdrawConsent) -> api.Withdrawn:
        enrolment = self._enrolled(device)
        withdrawal = read_withdrawal(body.withdrawal, device_key=enrolment.keys.ed25519)
        self.forget(device)
        digest = hashlib.sha256(canonical(withdrawal)).digest()
        policy = enrolment.record.record.policy
        return api.Withdrawn(self._receipt("withdrawn", withdrawal.record_id, digest, device, policy=policy))

    def holdings(self, device: bytes) -> api.Holdings:
        enrolment = self._enrolled(device)
        return api.Holdings(
            token=enrolment.token,
            commitment=enrolment.commitment,
            device=enrolment.keys,
            findable=enrolment.record.record.findable,
            enrolled_on="2027-01-15",
            lease_ends_s=1,
            receipt_sha256=bytes(32),
            policy_sha256=enrolment.record.record.policy.sha256,
            grant_sha256=enrolment.grant_hash,
            one_time_keys=len(enrolment.one_time),
            fallback_key=enrolment.fallback is not None,
            envelope_keys=[key.id for key in enrolment.envelope_keys],
            waiting_envelopes=sum(one.device == device for one in self.waiting),
            waiting_bytes=0,
        )

    def _bundles(self, line: api.ClaimLine) -> list[api.DeviceBundle]:
        enrolment = self.reached_under(line.token)
        if enrolment is None or not enrolment.envelope_keys or enrolment.fallback is None:
            return []
        if enrolment.record.record.findable == "nobody" and grant_hash(line.grant) != enrolment.grant_hash:
            return []
        ratchet = enrolment.one_time.popleft() if enrolment.one_time else None
        return [
            api.DeviceBundle(enrolment.keys, ratchet or enrolment.fallback, ratchet is None, enrolment.envelope_keys[0])
        ]

    def _enrolled(self, device: bytes) -> Enrolment:
        if device not in self.enrolments:
            raise ProblemError("not-enrolled", "This device is not enrolled.")
        return self.enrolments[device]

    def _receipt(
        self, event: str, record_id: bytes, digest: bytes, device: bytes, *, policy: Policy | None = None
    ) -> dict[str, object]:
        receipt = Receipt(
            event="given" if event == "given" else "withdrawn",
            record_id=record_id,
            record_sha256=digest,
            server_key=self.digest,
            device=device,
            policy_sha256=(policy or self.policy).sha256,
            on="2027-01-15",
            outlives=() if event == "given" else ("limiter record, 30 days",),
        )
        # Through JSON, as a real answer comes.
        read: dict[str, object] = json.loads(json.dumps(sign_receipt(receipt, self.receipt_key)))
        return read

    # ---- the relay ----

    def login(self, device: bytes, link: "ServerLink") -> None:
        old = self.links.get(device)
        if old is not None:
            old.hang_up()
        self.links[device] = link
        for one in self.waiting:
            if one.device == device:
                link.say(Deliver(one.envelope_id, one.envelope))
        link.say(CaughtUp())

    def frame(self, link: "ServerLink", frame: object) -> None:
        """Take one frame of a phone."""
        match frame:
            case Deposit():
                self.deposits.append(frame)
                link.say(self._deposit(link, frame))
            case Ack(envelope_id=given, code=code):
                for one in [w for w in self.waiting if w.envelope_id == given and w.device == link.device]:
                    shown = code == Unreadable.SHOWN
                    self._settle(one, OutcomeState.DELIVERED if shown else OutcomeState.UNREADABLE)
            case Ask(ref=ref, handle=handle):
                digest = handle_hash(handle)
                waits = any(one.handle_hash == digest for one in self.waiting)
                state = OutcomeState.WAITING if waits else self.outcomes.get(digest, OutcomeState.UNKNOWN)
                link.say(Outcome(ref, digest, state))
            case Collect(handle=handle):
                self.outcomes.pop(handle_hash(handle), None)
            case Withdrawn():
                link.withdrawn.append(frame)
            case _:
                link.odd.append(frame)

    def _deposit(self, link: "ServerLink", frame: Deposit) -> Deposited | Refused | WrongDevices:
        enrolment = self.reached_under(frame.token)
        if enrolment is None:
            return Refused(frame.ref, Refusal.NOT_ENROLLED)
        (part,) = frame.parts
        device = enrolment.keys.device
        if part.device != device:
            return WrongDevices(frame.ref, [device], [part.device], [])
        if part.envelope_key not in {key.id for key in enrolment.envelope_keys}:
            return WrongDevices(frame.ref, [], [], [device])
        if self.mailbox_full:
            return Refused(frame.ref, Refusal.MAILBOX_FULL)
        granted = bool(frame.grant) and grant_hash(frame.grant) == enrolment.grant_hash
        given = envelope_id(part.envelope)
        if not any(one.envelope_id == given for one in self.waiting):
            one = Waiting(device, given, part.envelope, HandleHash(part.handle_hash), granted, link)
            self.waiting.append(one)
            receiver = self.links.get(device)
            if receiver is not None:
                receiver.say(Deliver(given, part.envelope))
        return Deposited(frame.ref, DepositState.ACCEPTED)

    def _settle(self, one: Waiting, state: OutcomeState) -> None:
        self.waiting.remove(one)
        self.outcomes[one.handle_hash] = state
        if one.granted and one.sender is not None:
            one.sender.say(Outcome(0, one.handle_hash, state))


class FakeGate:
    """What a line needs of its gate."""

    def __init__(self) -> None:
        self.is_shut = False
        self.links: list[ServerLink] = []

    def shut(self) -> None:
        self.is_shut = True
        for link in self.links:
            link.hang_up()


class ServerControl(FakeControlPlane):
    """One device's control plane."""

    def __init__(self, server: HonestServer, device: DeviceId, gate: FakeGate) -> None:
        super().__init__(server.document())
        self._server = server
        self._device = device
        self._gate = gate
        answers: dict[str, Callable[[Struct], Struct]] = {
            api.ENROL_PATH: lambda body: server.enrol(_as(body, api.Enrol), self.nonces[-1]),
            api.CONFIRM_PATH: lambda body: server.confirm(_as(body, api.Confirm)),
            api.KEYS_PATH: lambda body: server.publish(device, _as(body, api.PublishKeys)),
            api.CLAIM_PATH: lambda body: server.claim(device, _as(body, api.Claim)),
            api.EVALUATE_PATH: lambda body: server.evaluate(device, _as(body, api.Evaluate)),
            api.GRANT_PATH: lambda body: server.set_grant(device, _as(body, api.SetGrant)),
            api.CERTIFICATE_PATH: lambda _: server.renew(device),
            api.EPOCH_PATH: lambda body: server.move(device, _as(body, api.MoveEpoch), self.nonces[-1]),
            api.CONSENT_PATH: lambda body: server.agree_anew(device, _as(body, api.AgreeAnew)),
            api.ME_PATH: lambda _: server.holdings(device),
            api.WITHDRAW_PATH: lambda body: server.withdraw(device, _as(body, api.WithdrawConsent)),
        }
        answers |= server.more_paths(device)
        for path, answer in answers.items():
            self.on(path, answer)

    async def statement(self) -> bytes:
        self._require_reachable()
        self.document = self._server.document(self._device)
        return await super().statement()

    async def call(self, path: str, body: Struct, answer: type[ResponseT]) -> ResponseT:
        self._require_reachable()
        await asyncio.sleep(0)
        self._require_reachable()
        refusal = self._server.refuses_once.pop(path, None)
        if refusal is not None:
            raise refusal
        answered = await super().call(path, body, answer)
        if path in self._server.loses_answers:
            self._server.loses_answers.discard(path)
            raise UnreachableError("the answer was lost")
        return answered

    async def fetch(self, path: str, *, at_most: int) -> bytes:
        self._require_reachable()
        self.public = self._server.public
        self._server.fetched.append(path)
        return await super().fetch(path, at_most=at_most)

    async def sealed_call(self, path: str, body: NonceBody, answer: type[ResponseT]) -> ResponseT:
        self._require_reachable()
        return await super().sealed_call(path, body, answer)

    def _require_reachable(self) -> None:
        if self._gate.is_shut:
            raise GateClosedError("cloud messaging is off for this line")
        if not self._server.reachable(self._device):
            raise UnreachableError("nobody answers")


class ServerConnector:
    """One device's way to a stream."""

    def __init__(self, server: HonestServer, device: DeviceId, gate: FakeGate) -> None:
        self._server = server
        self._device = device
        self._gate = gate

    async def connect(self, url: str) -> StreamLink:
        del url
        await asyncio.sleep(0)
        self._require_open()
        if not self._server.reachable(self._device):
            raise UnreachableError("nobody answers")
        if self._device not in self._server.enrolments:
            raise LoginRefusedError("the server does not know this device")
        link = ServerLink(self._server, self._device, len(self._server.enrolments[self._device].one_time))
        self._gate.links.append(link)
        self._server.login(self._device, link)
        return link

    def _require_open(self) -> None:
        if self._gate.is_shut:
            raise GateClosedError("cloud messaging is off for this line")


class ServerLink(FakeLink):
    """A stream whose other end is the server."""

    def __init__(self, server: HonestServer, device: bytes, one_time_keys: int) -> None:
        super().__init__(one_time_keys=one_time_keys)
        self.device = device
        self.withdrawn: list[Withdrawn] = []
        self.odd: list[object] = []
        """Frames that this server does not know what to do with."""
        self.seen: list[object] = []
        """Every frame that came, in order."""
        self._server = server

    def send(self, frames: Sequence[Frame]) -> None:
        for frame in client_frames.read(write(frames)):
            asyncio.get_running_loop().call_soon(self._arrive, frame)

    def _arrive(self, frame: object) -> None:
        if not self.closed:
            self.seen.append(frame)
            self._server.frame(self, frame)

    async def close(self) -> None:
        if self._server.links.get(self.device) is self:
            del self._server.links[self.device]
        await super().close()


def _as(body: Struct, kind: type[ResponseT]) -> ResponseT:
    assert isinstance(body, kind)
    return body
