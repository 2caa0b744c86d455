"""A line that waits for a number under which another device is enrolled, or comes in by that line's PIN."""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from sayso.consent.errors import GateClosedError
from sayso.phone.core.lines import Device, Step
from sayso.phone.core.lock import LockState, told_to_wait
from sayso.phone.errors import CommandError, ProblemError, ServerSideError
from sayso.phone.line.world import Reach, World
from sayso.protocol.api import (
    CANCEL_PATH,
    CONFIRM_PATH,
    TRY_PIN_PATH,
    Confirm,
    Empty,
    Enrolled,
    Lock,
    PinEvaluated,
    ProblemType,
    TryPin,
)
from sayso.protocol.pin import pin_input
from sayso.protocol.tokens import Blinded

LOCKED: Final = (
    "another phone is enrolled under this number: wait, and this line comes on by itself; or opt out on that phone, "
    "or enter its PIN with `sayso phone pin enter`"
)
NO_PIN: Final = "no PIN can be entered for this number (any more): wait, or opt out on the other phone"
WRONG_PIN: Final = "the PIN is wrong: {left} tries are left; this line goes on waiting"
NOT_WAITING: Final = "this line does not wait for a number: no PIN is wanted"


class Waiting:
    """The newcomer's side of the lock, for one line."""

    def __init__(self, world: World, line: bytes, reach: Reach) -> None:
        self._world = world
        self._line = line
        self._reach = reach

    def begin(self, lock: Lock, sentence: str = LOCKED) -> None:
        """Write down that the line waits, and for how long."""
        store = self._world.store
        with store.transaction("locked"):
            store.locks.put(told_to_wait(self._state(), lock, now=self._world.clock.wall()))
            store.lines.put_device(replace(self._device(), step=Step.LOCKED))
            store.lines.put(replace(store.lines.get(self._line), trouble=sentence))
        self._world.news.line_changed(self._line)

    def note_pin(self, pin: str) -> None:
        """Write down the PIN that the owner entered.

        Raises:
            PinError: it is none.
            CommandError: there is none to enter.
        """
        pin_input(pin)
        if self._state().pin_tries < 1:
            raise CommandError(NO_PIN)
        with self._world.store.transaction("pin-entered"):
            self._world.store.locks.put(replace(self._state(), pin=pin, pin_proof=b""))

    async def prove(self) -> Enrolled | None:
        """Try the PIN that was entered. None: it was wrong, or another code is needed; the line waits as before.

        What the server evaluated is durable before the proof of it is shown, so that a restart costs no second try.

        Raises:
            DiscoveryError: the server's evaluation is wrong.
            ServerSideError: refused, or no answer; tried again later.
        """
        device, state = self._device(), self._state()
        if state.pin is None or device.code is None:
            raise LookupError("a PIN is tried when it was entered, with a code")
        try:
            if not state.pin_proof:
                state = replace(state, pin_proof=await self._evaluated(device, state.pin))
                with self._world.store.transaction("pin-evaluated"):
                    self._world.store.locks.put(state)
            body = Confirm(device.enrolment_id, device.code, state.pin_proof)
            return await self._reach.control.call(CONFIRM_PATH, body, Enrolled)
        except ProblemError as error:
            if error.problem == ProblemType.CODE:
                self.ask_anew()
            elif error.problem == ProblemType.PIN:
                self._wrong(error.lock)
            else:
                raise
        return None

    def ask_anew(self) -> None:
        """Have the line ask for another code: the wait is over, or a PIN is to be tried with it."""
        device = replace(
            self._device(), step=Step.CONSENTED, enrolment_id=self._world.random.token_bytes(16), code=None
        )
        with self._world.store.transaction("code-anew"):
            self._world.store.locks.put(replace(self._state(), pin_proof=b""))
            self._world.store.lines.put_device(device)
        self._world.news.line_changed(self._line)

    def wait_on(self, sentence: str) -> None:
        """Go on waiting without the PIN: the code that was needed for it did not come."""
        store = self._world.store
        with store.transaction("locked"):
            store.locks.put(replace(self._state(), pin=None, pin_proof=b""))
            store.lines.put_device(replace(self._device(), step=Step.LOCKED, code=None))
            store.lines.put(replace(store.lines.get(self._line), trouble=sentence))
        self._world.news.line_changed(self._line)

    async def cancel(self) -> bool:
        """Have the server forget that the line waits. False: it could not be told; it forgets by itself."""
        with suppress(ServerSideError, GateClosedError):
            await self._reach.control.call(CANCEL_PATH, Empty(), Empty)
            return True
        return False

    async def _evaluated(self, device: Device, pin: str) -> bytes:
        blinded = Blinded([pin_input(pin)])
        body = TryPin(device.enrolment_id, device.code or "", blinded.elements[0])
        answer = await self._reach.control.call(TRY_PIN_PATH, body, PinEvaluated)
        (output,) = blinded.finish(answer.evaluated, public_key=answer.key)
        return await self._world.harden(output, answer.salt)

    def _wrong(self, lock: Lock | None) -> None:
        state = self._state()
        left = max(0, state.pin_tries - 1) if lock is None else lock.pin_tries
        sentence = WRONG_PIN.format(left=left) if left else NO_PIN
        store = self._world.store
        with store.transaction("pin-refused"):
            changed = replace(state, pin=None, pin_proof=b"", pin_tries=left)
            now = self._world.clock.wall()
            store.locks.put(changed if lock is None else told_to_wait(changed, lock, now=now))
            store.lines.put(replace(store.lines.get(self._line), trouble=sentence))
        self._world.news.line_changed(self._line)

    def _state(self) -> LockState:
        return self._world.store.locks.get(self._line)

    def _device(self) -> Device:
        device = self._world.store.lines.device(self._line)
        if device is None:
            raise LookupError("this line has no device")
        return device
