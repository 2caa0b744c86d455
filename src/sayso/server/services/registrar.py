"""The registrar: verifies a number by a code, and forgets it (design.md §5.1, steps 4 and 5).

What depends on the number happens in the background, after the answer: possible or impossible, known or new, over the
limit or not, gateway up or down, the answer and its time are the same.
"""

from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from sayso.consent.receipts import Receipt, receipt_digest
from sayso.consent.records import VerifiedConsent
from sayso.protocol import api
from sayso.protocol.api import ProblemType
from sayso.protocol.certificate import commitment
from sayso.protocol.errors import EnvelopeError, NumberError
from sayso.protocol.ids import DeviceId, EnrolmentId
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.server.core.directory import NO_GRANT, Enrolment, Pending
from sayso.server.core.enrolment import (
    PENDING_PER_LINE,
    check_enrolment,
    code_fits,
    code_hash,
    code_text,
    draw_code,
)
from sayso.server.core.lease import lease_from
from sayso.server.core.lock import wait_s
from sayso.server.directory_port import EnrolmentStore, Locked
from sayso.server.errors import Refused, ServerError
from sayso.server.ports import CodeDispatch, Random, RelayControl
from sayso.server.services.background import Background
from sayso.server.services.erasure import Erasures
from sayso.server.services.identity import ServerIdentity

_LOG: Final = structlog.get_logger()


class Registrar:
    """Enrols lines."""

    def __init__(
        self,
        *,
        identity: ServerIdentity,
        store: EnrolmentStore,
        relay: RelayControl,
        erasures: Erasures,
        codes: CodeDispatch,
        background: Background,
        random: Random,
        running: Callable[[], float],
        service: str,
    ) -> None:
        """Wire it; `service` is the name that the SMS shows, `running` the server's running seconds."""
        self._identity = identity
        self._store = store
        self._relay = relay
        self._erasures = erasures
        self._codes = codes
        self._background = background
        self._random = random
        self._running = running
        self._service = service

    def enrol(self, body: api.Enrol, *, nonce: str) -> api.EnrolPending:
        """Take a request to enrol, and send a code in the background.

        Args:
            body: signed by the device inside it.
            nonce: of the request.

        Raises:
            Refused: the consent does not fit, keys or epoch are not the server's, the seal does not open, or the
                server is busy. Never because of the number.
        """
        consent = check_enrolment(body, server=self._identity.digest, policy=self._identity.policy)
        if body.epoch not in self._identity.epochs:
            raise Refused(ProblemType.EPOCH, "This epoch is over: fetch the statement.")
        try:
            info = api.number_info(body.id, body.epoch, nonce)
            plaintext = self._identity.open_number(body.sealed_number, key_id=body.registrar_key_id, info=info)
        except EnvelopeError as error:
            raise Refused(ProblemType.MALFORMED, "The sealed number does not open for this request.") from error
        self._background.start("send code", lambda: self._send_code(body, consent, plaintext))
        return api.EnrolPending(body.id, LIMITS.code_s, LIMITS.code_digits)

    async def pending(self, enrolment: EnrolmentId) -> Pending:
        """Look up who may confirm an enrolment, to check the signature of a confirmation.

        Raises:
            Refused: unknown or expired; the same answer as for a wrong code.
        """
        pending = await self._store.pending(enrolment, now=self._running())
        if pending is None:
            raise _wrong_code()
        return pending

    async def confirm(self, body: api.Confirm, device: DeviceId) -> bytes:
        """Enrol, if the code is right. The same right code gets the same answer until it expires.

        Args:
            body: signed by the device of the pending enrolment.
            device: that device.

        Returns:
            `protocol.api.Enrolled`, JSON.

        Raises:
            Refused: wrong, expired, used or unknown code, or no tries left: one answer for all of them. Or, with the
                right code, another device holds the number.
        """
        now = self._running()
        pending = await self.proved(EnrolmentId(body.id), body.code, device)
        enrolment, result = self._enrolled(pending, now)
        confirmed = await self._store.confirm(pending, enrolment, result=result, now=now, pin=body.pin)
        if confirmed is None:
            raise _wrong_code()
        if isinstance(confirmed, Locked):
            self._relay.line_changed(confirmed.line)
            await self._codes.confirmed(pending.id)
            _LOG.info("number locked")
            raise _locked(confirmed, now)
        for erasure in confirmed.replaced:
            await self._erasures.finish(erasure)
        self._relay.line_changed(confirmed.line)
        await self._codes.confirmed(pending.id)
        _LOG.info("enrolled", replaced=len(confirmed.replaced))
        return confirmed.result

    async def proved(self, enrolment: EnrolmentId, code: str, device: DeviceId) -> Pending:
        """Check a code, for a try. It is used up only by what follows.

        Raises:
            Refused: wrong, expired, used or unknown code, or no tries left: one answer for all of them.
        """
        pending = await self._store.take_try(enrolment, now=self._running())
        if pending is None or pending.keys.device != device:
            raise _wrong_code()
        if not code_fits(self._identity.codes_key, enrolment, code, pending.code_hash):
            raise _wrong_code()
        return pending

    def _enrolled(self, pending: Pending, now: float) -> tuple[Enrolment, bytes]:
        today = self._identity.today()
        receipt = Receipt(
            event="given",
            record_id=pending.record_id,
            record_sha256=pending.record_sha256,
            server_key=self._identity.digest,
            device=pending.keys.device,
            policy_sha256=pending.policy_sha256,
            on=today,
        )
        enrolment = Enrolment(
            token=pending.token,
            commitment=pending.commitment,
            keys=pending.keys,
            grant_hash=NO_GRANT,
            findable=pending.findable,
            lease_ends=lease_from(now),
            receipt_sha256=receipt_digest(receipt),
            policy_sha256=pending.policy_sha256,
            enrolled_on=today,
        )
        answer = api.Enrolled(
            receipt=self._identity.sign_receipt(receipt),
            certificate=self._identity.issue_certificate(pending.token, pending.commitment, pending.keys),
            lease_s=LIMITS.lease_s,
        )
        return enrolment, msgspec.json.encode(answer)

    async def _send_code(self, body: api.Enrol, consent: VerifiedConsent, plaintext: bytes) -> None:
        salt, e164 = api.read_number_plaintext(plaintext)
        try:
            number = PhoneNumber(e164)
        except NumberError:
            _LOG.info("code not sent", reason="no such number")
            return
        tokens = {epoch: self._identity.token_of(number, epoch) for epoch in self._identity.epochs}
        if body.epoch not in tokens:
            _LOG.info("code not sent", reason="epoch over")
            return
        code = draw_code(self._random.token_bytes)
        now = self._running()
        pending = Pending(
            id=EnrolmentId(body.id),
            keys=body.keys,
            token=tokens.pop(body.epoch),
            other_token=next(iter(tokens.values()), None),
            commitment=commitment(salt, number),
            code_hash=code_hash(self._identity.codes_key, body.id, code),
            tries_left=LIMITS.code_tries,
            expires=now + LIMITS.code_s,
            findable=consent.record.findable,
            record_id=consent.record.record_id,
            record_sha256=consent.digest,
            policy_sha256=consent.record.policy.sha256,
        )
        if not await self._store.add_pending(pending, now=now, at_most=PENDING_PER_LINE):
            _LOG.info("code not sent", reason="refused")
            return
        try:
            await self._codes.send(pending.id, number, code_text(self._service, code))
        except ServerError as error:
            _LOG.warning("code not sent", reason="gateway", error=type(error).__name__)
            return
        _LOG.info("code sent")


def _locked(locked: Locked, now: float) -> Refused:
    lock = api.Lock(wait_s=wait_s(locked.newcomer, now=now), pin_tries=locked.pin_tries)
    if locked.wrong_pin:
        return Refused(ProblemType.PIN, "The PIN is wrong, or no tries are left.", lock=lock)
    detail = "Another phone is enrolled under this number: enter its PIN, or wait and confirm another code then."
    return Refused(ProblemType.LOCKED, detail, retry_after_s=lock.wait_s, lock=lock)


def _wrong_code() -> Refused:
    return Refused(ProblemType.CODE, "This code is wrong, used or expired. Ask for another one.")
