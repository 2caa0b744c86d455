"""The lock of a line that is on: its PIN, and another device that waits for its number."""

from dataclasses import replace
from typing import Final

from sayso.phone.core.lock import LockState, settled
from sayso.phone.errors import CommandError, ProblemError
from sayso.phone.line.enrolment import Enrolment
from sayso.phone.line.world import Reach, World
from sayso.protocol.api import (
    DELAY_PATH,
    EVALUATE_PIN_PATH,
    PIN_PATH,
    REFUSE_PATH,
    DelayNewcomer,
    Empty,
    EvaluatePin,
    LockLeft,
    PinEvaluated,
    ProblemType,
    RefuseNewcomer,
    SetPin,
)
from sayso.protocol.frames import LockNotice
from sayso.protocol.limits import LIMITS
from sayso.protocol.pin import pin_input
from sayso.protocol.tokens import Blinded

NEWCOMER: Final = (
    "another phone has received a code for this number and waits for the line: if it is not yours, refuse it with "
    "`sayso phone lock refuse`"
)
REFUSED: Final = {
    ProblemType.PIN.value: "the PIN is wrong, or it was tried too often",
    ProblemType.CODE.value: "the code is wrong, used or expired; ask for another one with `sayso phone lock refuse`",
    ProblemType.LOCKED.value: "another phone waits for this number: the PIN can be changed after that is settled",
}


class LineLock:
    """The holder's side of the lock, for one line."""

    def __init__(self, world: World, line: bytes, reach: Reach) -> None:
        self._world = world
        self._line = line
        self._reach = reach

    def notice(self, frame: LockNotice) -> None:
        """Take the server's word that another device waits, or that none does any more."""
        until = self._world.clock.wall() + frame.wait_s if frame.wait_s else 0.0
        self._note(replace(self._state(), newcomer_until=until) if until else settled(self._state()))

    async def set_pin(self, pin: str | None) -> None:
        """Set or change the PIN, or remove it. It is blinded before it leaves the phone, and kept nowhere.

        Raises:
            PinError: it is none.
            CommandError: another device waits for the number.
            DiscoveryError: the server's evaluation is wrong.
            ServerSideError: refused, or no answer.
        """
        try:
            proof = None if pin is None else await self._proof(pin, fresh=True)
            await self._reach.control.call(PIN_PATH, SetPin(proof), Empty)
        except ProblemError as error:
            raise _in_words(error) from error
        self._note(replace(self._state(), pin_set=pin is not None))

    async def ask_code(self) -> int:
        """Ask for a code to refuse a newcomer with; returns how many seconds it is good for.

        Raises:
            StatementError, CommandError, ServerSideError: as for an opt-in.
        """
        refusal = self._world.random.token_bytes(16)
        # The code may come before the answer does.
        self._note(
            replace(
                self._state(),
                refusal_id=refusal,
                refusal_expires=self._world.clock.wall() + LIMITS.code_s,
                refusal_code=None,
            )
        )
        pending = await Enrolment(self._world, self._line, self._reach).ask_for(refusal)
        return pending.expires_s

    async def refuse(self, code: str) -> None:
        """Refuse the newcomer with a code that came.

        Raises:
            CommandError: none was asked for, or it is wrong, used or expired.
            ServerSideError: refused, or no answer.
        """
        state = self._state()
        if not state.refusal_id:
            raise CommandError("no code was asked for: `sayso phone lock refuse` asks for one")
        try:
            await self._reach.control.call(REFUSE_PATH, RefuseNewcomer(state.refusal_id, code), LockLeft)
        except ProblemError as error:
            if error.problem == ProblemType.CODE:
                self._note(replace(state, refusal_code=None))
            raise _in_words(error) from error
        self._note(settled(state))

    async def delay(self, pin: str) -> None:
        """Let the newcomer wait longer, by the PIN.

        Raises:
            PinError: it is none.
            CommandError: it is wrong, or was tried too often.
            DiscoveryError: the server's evaluation is wrong.
            ServerSideError: refused, or no answer.
        """
        try:
            proof = await self._proof(pin, fresh=False)
            left = await self._reach.control.call(DELAY_PATH, DelayNewcomer(proof), LockLeft)
        except ProblemError as error:
            raise _in_words(error) from error
        self.notice(LockNotice(max(0, left.wait_s)))

    async def _proof(self, pin: str, *, fresh: bool) -> bytes:
        blinded = Blinded([pin_input(pin)])
        body = EvaluatePin(blinded.elements[0], fresh)
        answer = await self._reach.control.call(EVALUATE_PIN_PATH, body, PinEvaluated)
        (output,) = blinded.finish(answer.evaluated, public_key=answer.key)
        return await self._world.harden(output, answer.salt)

    def _note(self, state: LockState) -> None:
        """Write the state down, and the trouble that goes with it."""
        store = self._world.store
        before, line = store.locks.get(self._line), store.lines.get(self._line)
        trouble = line.trouble
        if state.newcomer_until:
            trouble = NEWCOMER
        elif trouble == NEWCOMER:
            trouble = None
        if state == before and trouble == line.trouble:
            return
        with store.transaction("lock"):
            store.locks.put(state)
            store.lines.put(replace(line, trouble=trouble))
        self._world.news.line_changed(self._line)

    def _state(self) -> LockState:
        return self._world.store.locks.get(self._line)


def _in_words(error: ProblemError) -> Exception:
    sentence = REFUSED.get(error.problem)
    return error if sentence is None else CommandError(sentence)
