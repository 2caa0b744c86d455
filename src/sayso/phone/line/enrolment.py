"""Opt-in (design.md §5.1): consent first, then the first contact; each step durable before the next.

A restart finds the device's step and goes on from there: `consented` is done again (a server that has the enrolment id
already sends no second code), so is `confirming` (the same right code gets the same answer), `code-wanted` waits, and
`enrolled` settles what is left.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.errors import ConsentError
from sayso.consent.gate import place_of
from sayso.consent.receipts import read_receipt
from sayso.consent.records import MESSAGING_DATA, MESSAGING_PURPOSES, ConsentRecord, read_record, sign_record
from sayso.phone.adapters.store.lines import Consent
from sayso.phone.core.lines import Device, LineEvent, Step, move
from sayso.phone.core.lock import come_in
from sayso.phone.errors import CommandError, ProblemError
from sayso.phone.line.certificates import check_own_certificate
from sayso.phone.line.claims import evaluate
from sayso.phone.line.statements import current, fetch_statement
from sayso.phone.line.upkeep import KeyUpkeep
from sayso.phone.line.waiting import Waiting
from sayso.phone.line.world import Reach, World
from sayso.protocol.api import (
    CONFIRM_PATH,
    ENROL_PATH,
    Confirm,
    Enrol,
    Enrolled,
    EnrolPending,
    ProblemType,
    number_info,
    number_plaintext,
)
from sayso.protocol.errors import CertificateError
from sayso.protocol.ids import DeviceId, KeyDigest, same
from sayso.protocol.keys import sign_identity
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.statement import Statement
from sayso.protocol.xwing import SealPublicKey


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Yes:
    """What the owner said yes to."""

    server: str
    """Scheme, host and port, as the owner saw them."""
    server_key: bytes
    """Digest of the server's long-term key, 32 bytes."""
    number: PhoneNumber
    findable: str
    method: str
    sim: bytes | None
    """Keyed digest of the SIM that is in the modem now."""


def give_consent(world: World, line_id: bytes, yes: Yes) -> Device:
    """Make device and consent record, durable before the first contact. Sends nothing.

    Raises:
        CommandError: the line is not off, or the server's address cannot be used.
        ConsentError: what was agreed to does not fit a consent record.
    """
    line = world.store.lines.get(line_id)
    state = move(line.state, LineEvent.OPT_IN)
    place_of(yes.server)
    seed = world.random.token_bytes(32)
    key = Ed25519PrivateKey.from_private_bytes(seed)
    account = world.ratchet.new_account()
    record = ConsentRecord(
        record_id=world.random.token_bytes(16),
        kind="messaging",
        server=yes.server,
        server_key=yes.server_key,
        policy=world.policy,
        purposes=MESSAGING_PURPOSES,
        personal_data=MESSAGING_DATA,
        timestamp=timestamp(world.clock.wall()),
        method=yes.method,
        line=line_id,
        device=world.random.token_bytes(16),
        device_key=key.public_key().public_bytes_raw(),
        findable="everyone" if yes.findable == "everyone" else "nobody",
    )
    document = sign_record(record, key)
    read_record(document)
    device = Device(
        line=line_id,
        device=record.device,
        seed=seed,
        ed25519=record.device_key,
        curve25519=account.curve25519,
        account=account.dump(),
        grant=world.random.token_bytes(32),
        salt=world.random.token_bytes(32),
        server=yes.server,
        server_key=yes.server_key,
        record_id=record.record_id,
        findable=record.findable,
        enrolment_id=world.random.token_bytes(16),
    )
    with world.store.transaction("consent-given"):
        world.store.lines.put_consent(
            Consent(
                record_id=record.record_id,
                line=line_id,
                given_at=world.clock.wall(),
                record=json.dumps(document),
            )
        )
        world.store.lines.put_device(device)
        world.store.lines.put(replace(line, state=state, trouble=None, number=yes.number.e164, sim=yes.sim))
    world.news.line_changed(line_id)
    return device


class Enrolment:
    """Takes one line from its consent to `on`."""

    def __init__(self, world: World, line: bytes, reach: Reach) -> None:
        self._world = world
        self._line = line
        self._reach = reach

    async def ask_code(self) -> int:
        """Fetch the statement, seal the number, ask for a code; returns how many seconds it is good for.

        Raises:
            StatementError: not the server that was agreed to.
            CommandError: it has another policy than the one agreed to.
            ServerSideError: refused, or no answer.
        """
        pending = await self.ask_for(self._device().enrolment_id)
        with self._world.store.transaction("code-asked"):
            self._world.store.lines.put_device(
                replace(
                    self._device(),
                    step=Step.CODE_WANTED,
                    code_expires=self._world.clock.wall() + min(max(0, pending.expires_s), LIMITS.code_s),
                )
            )
        self._world.news.line_changed(self._line)
        return pending.expires_s

    async def ask_for(self, enrolment: bytes) -> EnrolPending:
        """Ask for a code under an enrolment id; arguments and errors as for `ask_code`."""
        try:
            pending = await self._ask(enrolment)
        except ProblemError as error:
            if error.problem != ProblemType.EPOCH:
                raise
            # A key was destroyed between the statement and the request.
            pending = await self._ask(enrolment)
        if not same(pending.id, enrolment) or pending.code_digits != LIMITS.code_digits:
            raise CommandError("the server answers about another enrolment; opt in again")
        return pending

    async def _ask(self, enrolment: bytes) -> EnrolPending:
        fetched = await fetch_statement(self._world, self._reach, self._device())
        with self._world.store.transaction("statement"):
            self._world.store.lines.put_device(fetched)
        statement, _ = current(fetched)
        return await self._reach.control.sealed_call(
            ENROL_PATH, lambda nonce: self._request(statement, enrolment, nonce), EnrolPending
        )

    async def come_in_by_pin(self) -> bool:
        """Try the PIN that the owner entered, and keep the proofs of the enrolment. False: the line waits on.

        Raises:
            ConsentError, CertificateError, DiscoveryError, ServerSideError: as for `confirm`.
        """
        answer = await Waiting(self._world, self._line, self._reach).prove()
        if answer is not None:
            self._keep_proofs(answer)
        return answer is not None

    async def confirm(self, code: str | None = None) -> None:
        """Send the code, and keep both proofs of the enrolment. Without `code`: the one sent before a restart.

        Raises:
            CommandError: the code is wrong, expired or used; the line waits for another try.
                Where another device holds the number the line waits for that, and nothing is raised.
            ConsentError: the server's receipt is not for this consent.
            CertificateError: its certificate is not about this device and number.
            ServerSideError: refused, or no answer.
        """
        device = self._device()
        if code is not None:
            device = replace(device, step=Step.CONFIRMING, code=code)
            with self._world.store.transaction("code-entered"):
                self._world.store.lines.put_device(device)
            self._world.news.line_changed(self._line)
        try:
            body = Confirm(device.enrolment_id, device.code or "")
            answer = await self._reach.control.call(CONFIRM_PATH, body, Enrolled)
        except ProblemError as error:
            if error.problem == ProblemType.LOCKED and error.lock is not None:
                Waiting(self._world, self._line, self._reach).begin(error.lock)
                return
            if error.problem != ProblemType.CODE:
                raise
            with self._world.store.transaction("code-refused"):
                self._world.store.lines.put_device(replace(self._device(), step=Step.CODE_WANTED, code=None))
            self._world.news.line_changed(self._line)
            raise CommandError("the code is wrong, used or expired; enter it again, or opt out and in again") from error
        self._keep_proofs(answer)

    async def settle(self) -> None:
        """Check the token, publish keys and the grant's hash, and switch the line on.

        Raises:
            CertificateError: the server's token for this number is another one than its certificate says.
            DiscoveryError: the server's proof is wrong.
            ServerSideError: refused, or no answer.
        """
        device = self._device()
        line = self._world.store.lines.get(self._line)
        token = await evaluate(self._reach, device, PhoneNumber(line.number or ""))
        if device.token is None or not same(token, device.token):
            raise CertificateError("the server's certificate names another token than its VOPRF gives for this number")
        upkeep = KeyUpkeep(self._world, self._line, self._reach)
        await upkeep.publish(one_time_left=0)
        await upkeep.tell_grant()
        with self._world.store.transaction("line-on"):
            line = self._world.store.lines.get(self._line)
            self._world.store.lines.put(replace(line, state=move(line.state, LineEvent.ENROLLED), trouble=None))
            self._world.store.lines.put_device(replace(self._device(), step=Step.READY))
        self._world.news.line_changed(self._line)

    def _request(self, statement: Statement, enrolment: bytes, nonce: str) -> Enrol:
        device = self._device()
        line = self._world.store.lines.get(self._line)
        consent = self._world.store.lines.consent(device.record_id)
        if consent is None or line.number is None:
            raise LookupError("a device has a consent and a number")
        epoch = statement.epochs[0].epoch
        key = Ed25519PrivateKey.from_private_bytes(device.seed)
        return Enrol(
            id=enrolment,
            consent=json.loads(consent.record),
            keys=sign_identity(
                key,
                device=DeviceId(device.device),
                server=KeyDigest(device.server_key),
                curve25519=device.curve25519,
            ),
            epoch=epoch,
            registrar_key_id=statement.registrar_key_id,
            sealed_number=SealPublicKey(statement.registrar_key).seal(
                number_plaintext(device.salt, line.number), info=number_info(enrolment, epoch, nonce)
            ),
        )

    def _keep_proofs(self, answer: Enrolled) -> None:
        device = self._device()
        line = self._world.store.lines.get(self._line)
        certificate = check_own_certificate(answer.certificate, device, PhoneNumber(line.number or ""))
        stated, _ = current(device)
        receipt = read_receipt(answer.receipt, receipt_key=stated.receipt_key, other_key=stated.other_receipt_key)
        consent = self._world.store.lines.consent(device.record_id)
        if consent is None:
            raise LookupError("a device has a consent")
        record = read_record(json.loads(consent.record))
        about = (receipt.event, receipt.record_id, receipt.record_sha256, receipt.device, receipt.policy_sha256)
        if about != ("given", device.record_id, record.digest, device.device, record.record.policy.sha256):
            raise ConsentError("the server's receipt is for another consent than the one given")
        with self._world.store.transaction("enrolled"):
            self._world.store.lines.note_receipt(device.record_id, answer.receipt, statement=device.statement)
            self._world.store.lines.put_device(
                replace(
                    self._device(),
                    step=Step.ENROLLED,
                    code=None,
                    token=certificate.token,
                    certificate=answer.certificate,
                    certificate_at=self._world.clock.wall(),
                )
            )
            self._world.store.locks.put(come_in(self._world.store.locks.get(self._line)))

    def _device(self) -> Device:
        device = self._world.store.lines.device(self._line)
        if device is None:
            raise LookupError("this line has no device")
        return device


def timestamp(wall: float) -> str:
    """Write Unix seconds as consent records have them: UTC, to the second."""
    return datetime.fromtimestamp(int(wall), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
