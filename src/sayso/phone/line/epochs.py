"""A line's way to another epoch: its number is presented once more, and no code is asked for (docs/adr/0014).

    the statement names a newer epoch ─▶ the phone has its own number evaluated ─▶ that token is kept, durably
       ─▶ the number, sealed, to the registrar ─▶ certificate ─▶ the tokens change places

From the moment the server knows the new token, others may seal to it: so the phone knows it first.
"""

from dataclasses import replace

from sayso.phone.core.lines import Device
from sayso.phone.errors import ProblemError
from sayso.phone.line.certificates import check_own_certificate
from sayso.phone.line.claims import evaluate
from sayso.phone.line.statements import current, refresh
from sayso.phone.line.world import Reach, World
from sayso.protocol.api import EPOCH_PATH, Moved, MoveEpoch, ProblemType, epoch_info, number_plaintext
from sayso.protocol.errors import CertificateError, DiscoveryError
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.xwing import SealPublicKey


class EpochMove:
    """Moves one line."""

    def __init__(self, world: World, line: bytes, reach: Reach) -> None:
        self._world = world
        self._line = line
        self._reach = reach

    async def move_if_due(self) -> str | None:
        """Move to the statement's current epoch; returns what is wrong with the server's answer, for the owner.

        Raises:
            ServerSideError: refused, or no answer; it is tried again.
        """
        try:
            return await self._move()
        except DiscoveryError as error:
            # Another key than the one that its statement names: the line stays where it is.
            return str(error)
        except ProblemError as error:
            if error.problem != ProblemType.EPOCH:
                raise
        # A key was replaced or destroyed since the statement was fetched.
        await refresh(self._world, self._reach, self._line)
        return await self._move()

    async def _move(self) -> str | None:
        device = self._device()
        epoch = current(device)[0].epochs[0].epoch
        if device.token is None or device.token[0] == epoch:
            return None
        number = PhoneNumber(self._world.store.lines.get(self._line).number or "")
        fresh = device.other_token
        if fresh is None or fresh[0] != epoch:
            fresh = await evaluate(self._reach, device, number)
            with self._world.store.transaction("epoch-token"):
                self._world.store.lines.put_device(replace(self._device(), other_token=fresh))
        moved = await self._reach.control.sealed_call(EPOCH_PATH, lambda nonce: self._request(number, nonce), Moved)
        device = self._device()
        try:
            check_own_certificate(moved.certificate, replace(device, token=fresh), number)
        except CertificateError as error:
            return str(error)
        with self._world.store.transaction("epoch-moved"):
            self._world.store.lines.put_device(
                replace(
                    self._device(),
                    token=fresh,
                    other_token=device.token,
                    certificate=moved.certificate,
                    certificate_at=self._world.clock.wall(),
                )
            )
        return None

    def _request(self, number: PhoneNumber, nonce: str) -> MoveEpoch:
        device = self._device()
        statement, _ = current(device)
        epoch = statement.epochs[0].epoch
        sealed = SealPublicKey(statement.registrar_key).seal(
            number_plaintext(device.salt, number.e164), info=epoch_info(device.device, epoch, nonce)
        )
        return MoveEpoch(epoch, statement.registrar_key_id, sealed)

    def _device(self) -> Device:
        device = self._world.store.lines.device(self._line)
        if device is None:
            raise LookupError("this line has no device")
        return device
