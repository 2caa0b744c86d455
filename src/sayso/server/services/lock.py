"""The registration lock at work: a newcomer's guesses at the PIN, and what the holder can do (design.md §5.1).

Nothing here is answered to a newcomer before the number's code is confirmed.
"""

from collections.abc import Callable
from typing import Final

import structlog

from sayso.protocol import api, tokens
from sayso.protocol.api import ProblemType
from sayso.protocol.errors import DiscoveryError
from sayso.protocol.ids import DeviceId, EnrolmentId
from sayso.protocol.pin import SALT_BYTES, verifier_of
from sayso.server.core.lock import wait_s
from sayso.server.core.pin import pin_key
from sayso.server.directory_port import LockStore, PinStore
from sayso.server.errors import Refused
from sayso.server.ports import Random, RelayControl
from sayso.server.services.identity import ServerIdentity
from sayso.server.services.registrar import Registrar

_LOG: Final = structlog.get_logger()


class RegistrationLock:
    """PINs, and devices that wait."""

    def __init__(
        self,
        *,
        identity: ServerIdentity,
        registrar: Registrar,
        pins: PinStore,
        store: LockStore,
        relay: RelayControl,
        random: Random,
        running: Callable[[], float],
    ) -> None:
        """Wire it."""
        self._identity = identity
        self._registrar = registrar
        self._pins = pins
        self._store = store
        self._relay = relay
        self._random = random
        self._running = running

    # The newcomer

    async def try_pin(self, body: api.TryPin, device: DeviceId) -> api.PinEvaluated:
        """Evaluate a newcomer's guess, for one of the line's tries.

        Args:
            body: signed by the device of the pending enrolment.
            device: that device.

        Raises:
            Refused: the code is not right; there is no PIN to try, or no try left; the element is none.
        """
        _check(body.element)
        pending = await self._registrar.proved(EnrolmentId(body.id), body.code, device)
        salt = await self._pins.try_pin(pending, now=self._running())
        if salt is None:
            raise _wrong_pin()
        return self._evaluated(salt, body.element)

    async def newcomer_key(self, device: DeviceId) -> bytes | None:
        """Return the key of a device that waits, to check its signature."""
        return await self._store.newcomer_key(device)

    async def cancel(self, device: DeviceId, ed25519: bytes) -> None:
        """Forget a device that waits."""
        for line in await self._store.cancel(device, ed25519, now=self._running()):
            self._relay.line_changed(line)

    # The holder

    async def evaluate_own(self, body: api.EvaluatePin, device: DeviceId) -> api.PinEvaluated:
        """Evaluate the enrolled device's own PIN: one that is to be set, or the one that is.

        Raises:
            Refused: a newcomer waits, and the PIN stays as it is; there is none, or no try left; the element is none.
        """
        _check(body.element)
        if body.fresh:
            salt = self._random.token_bytes(SALT_BYTES)
            if not await self._pins.begin_pin(device, salt, now=self._running()):
                raise _contested()
            return self._evaluated(salt, body.element)
        held = await self._pins.try_own_pin(device)
        if held is None:
            raise _wrong_pin()
        return self._evaluated(held, body.element)

    async def set_pin(self, body: api.SetPin, device: DeviceId) -> None:
        """Set, change or remove the PIN.

        Raises:
            Refused: a newcomer waits, or the PIN was not evaluated to be set.
        """
        now = self._running()
        verifier = None if body.proof is None else verifier_of(body.proof)
        if await self._pins.set_pin(device, verifier, now=now):
            _LOG.info("pin changed", removed=verifier is None)
            return
        if await self._store.newcomer(device, now=now) is not None:
            raise _contested()
        raise Refused(ProblemType.PIN, "Have the PIN evaluated first, as a fresh one.")

    async def refuse(self, body: api.RefuseNewcomer, device: DeviceId) -> api.LockLeft:
        """Send a newcomer away, by a code that was sent to the number and asked for by its holder.

        Raises:
            Refused: the code is not right, or was asked for by another device or for another number.
        """
        pending = await self._registrar.proved(EnrolmentId(body.id), body.code, device)
        line = await self._store.refuse(pending, now=self._running())
        if line is None:
            raise Refused(ProblemType.CODE, "This code is wrong, used or expired. Ask for another one.")
        self._relay.line_changed(line)
        _LOG.info("newcomer refused")
        return api.LockLeft(0)

    async def delay(self, body: api.DelayNewcomer, device: DeviceId) -> api.LockLeft:
        """Let a newcomer wait longer, by the PIN.

        Raises:
            Refused: the PIN is not proved.
        """
        now = self._running()
        line = await self._store.delay(device, body.proof, now=now)
        if line is None:
            raise _wrong_pin()
        self._relay.line_changed(line)
        _LOG.info("newcomer delayed")
        return api.LockLeft(wait_s(await self._store.newcomer(device, now=now), now=now))

    def _evaluated(self, salt: bytes, element: bytes) -> api.PinEvaluated:
        key = pin_key(self._identity.pins_key, salt)
        return api.PinEvaluated(salt, tokens.public_key(key), tokens.evaluate(key, [element]))


def _check(element: bytes) -> None:
    """Refuse what is no element before it costs a try."""
    try:
        tokens.check_element(element)
    except DiscoveryError as error:
        raise Refused(ProblemType.MALFORMED, "The blinded element is none.") from error


def _wrong_pin() -> Refused:
    return Refused(ProblemType.PIN, "The PIN is wrong, or no tries are left.")


def _contested() -> Refused:
    detail = "Another device waits for this number: refuse or delay it; the PIN can be changed after that."
    return Refused(ProblemType.LOCKED, detail)
