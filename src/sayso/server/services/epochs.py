"""Moves a line to the current epoch: its number is seen once more, in memory, and no code is sent (docs/adr/0014)."""

from collections.abc import Callable
from typing import Final

import structlog

from sayso.protocol import api
from sayso.protocol.api import ProblemType
from sayso.protocol.certificate import commitment
from sayso.protocol.errors import EnvelopeError, NumberError
from sayso.protocol.ids import DeviceId, Token, same
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber
from sayso.server.core.directory import Enrolment
from sayso.server.directory_port import EpochStore, LineStore
from sayso.server.errors import Refused
from sayso.server.ports import RelayControl
from sayso.server.services.identity import ServerIdentity

_LOG: Final = structlog.get_logger()


class Epochs:
    """Gives enrolled lines their tokens of the current epoch."""

    def __init__(
        self,
        *,
        identity: ServerIdentity,
        store: EpochStore,
        lines: LineStore,
        relay: RelayControl,
        running: Callable[[], float],
    ) -> None:
        """Wire it."""
        self._identity = identity
        self._store = store
        self._lines = lines
        self._relay = relay
        self._running = running

    async def move(self, body: api.MoveEpoch, *, device: DeviceId, nonce: str) -> api.Moved:
        """Give a line its token of the current epoch; asked again, the answer is the same.

        What is sealed has to open the commitment that the enrolment holds, and to give the token that it has: a device
        can take its own number along, and no other.

        Args:
            body: signed by the device.
            device: who signed the request.
            nonce: of the request.

        Raises:
            Refused: not the current epoch, a key that is not in use, the seal does not open, another number than the
                one that was verified, or the device is not enrolled.
        """
        if body.epoch != self._identity.epoch:
            raise Refused(ProblemType.EPOCH, "This is not the current epoch: fetch the statement.")
        enrolment = await self._lines.enrolment(device)
        if enrolment is None:
            raise _not_enrolled()
        number = self._open(body, device, nonce)
        self._check(enrolment, *number)
        fresh = self._identity.token_of(number[1])
        if enrolment.token != fresh:
            line = await self._store.move(device, enrolment.token, fresh, now=self._running())
            if line is None:
                raise _not_enrolled()
            self._relay.line_changed(line)
            _LOG.info("line moved")
        certificate = self._identity.issue_certificate(fresh, enrolment.commitment, enrolment.keys)
        return api.Moved(certificate, LIMITS.lease_s)

    def _open(self, body: api.MoveEpoch, device: DeviceId, nonce: str) -> tuple[bytes, PhoneNumber]:
        """Return salt and number."""
        try:
            info = api.epoch_info(device, body.epoch, nonce)
            plaintext = self._identity.open_number(body.sealed_number, key_id=body.registrar_key_id, info=info)
            salt, e164 = api.read_number_plaintext(plaintext)
            return salt, PhoneNumber(e164)
        except (EnvelopeError, NumberError) as error:
            raise Refused(ProblemType.MALFORMED, "The sealed number does not open for this request.") from error

    def _check(self, enrolment: Enrolment, salt: bytes, number: PhoneNumber) -> None:
        held: Token = enrolment.token
        if held[0] not in self._identity.epochs:
            raise _not_enrolled()
        if not same(commitment(salt, number), enrolment.commitment) or not same(
            self._identity.token_of(number, held[0]), held
        ):
            raise Refused(ProblemType.MALFORMED, "This is not the number that was verified for this device.")


def _not_enrolled() -> Refused:
    return Refused(ProblemType.NOT_ENROLLED, "This device is not enrolled.")
