"""What a line does about registration locks, on its owner's word and by itself."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sayso.phone.core.lines import Device, LineState, Step
from sayso.phone.core.lock import Next, next_step
from sayso.phone.errors import CommandError
from sayso.phone.line.enrolment import Enrolment
from sayso.phone.line.lock import LineLock
from sayso.phone.line.waiting import NO_PIN, NOT_WAITING, Waiting
from sayso.phone.line.world import Reach, World
from sayso.protocol.errors import SaysoError

CODE_FOR_PIN_EXPIRED: Final = "the code for the PIN did not come; this line waits on: enter the PIN again to try again"
NOT_ON: Final = "cloud messaging is not on for this line: it has no registration lock"


class LockDesk:
    """Both sides of the lock, for one line."""

    def __init__(
        self,
        world: World,
        line: bytes,
        *,
        reached: Callable[[], Reach],
        enrolling: asyncio.Lock,
        code_news: asyncio.Event,
    ) -> None:
        """Take the line.

        Args:
            world: see `World`.
            line: id of the line.
            reached: gives the ways to its server.
            enrolling: held by whoever takes a step of the enrolment.
            code_news: set when a code has come, or the owner has entered something.
        """
        self._world = world
        self._line = line
        self._reached = reached
        self._enrolling = enrolling
        self._code_news = code_news

    async def enter_pin(self, pin: str) -> None:
        """Take the PIN of the number that this line waits for, and try it: at once, or with the next code.

        Raises:
            PinError: it is none.
            CommandError: none is wanted, or it is wrong; the line goes on waiting.
        """
        async with self._enrolling:
            if not self._waits():
                raise CommandError(NOT_WAITING)
            self._waiting().note_pin(pin)
            try:
                await self.wait_or_come()
            finally:
                self._code_news.set()
            if self._waits() and self._world.store.locks.get(self._line).pin is None:
                raise CommandError(self._world.store.lines.get(self._line).trouble or NO_PIN)

    async def set_pin(self, pin: str | None) -> None:
        """Set or change the PIN of this line's lock; None removes it.

        Raises:
            SaysoError: the line is not on, this is no PIN, a newcomer waits, or the server does not answer.
        """
        await self._lock().set_pin(pin)

    async def ask_code(self) -> int:
        """Ask for a code to refuse a newcomer with, which is then used without asking; returns its life in seconds.

        Raises:
            SaysoError: the line is not on, or the server does not answer.
        """
        return await self._lock().ask_code()

    async def refuse(self, code: str) -> None:
        """Refuse a newcomer with a code that the owner typed.

        Raises:
            SaysoError: the line is not on, the code is not right, or the server does not answer.
        """
        await self._lock().refuse(code)

    async def delay(self, pin: str) -> None:
        """Let a newcomer wait longer, by the PIN.

        Raises:
            SaysoError: the line is not on, the PIN is not right, or the server does not answer.
        """
        await self._lock().delay(pin)

    async def wait_or_come(self) -> bool:
        """Go on with a line that waits for its number; returns whether only time, or a PIN, can lead further."""
        device, lock, now = self._device(), self._world.store.locks.get(self._line), self._world.clock.wall()
        if device is None:
            return False
        code_good = device.code is not None and now < device.code_expires
        match next_step(lock, code_good=code_good, now=now):
            case Next.PROVE:
                await Enrolment(self._world, self._line, self._reached()).come_in_by_pin()
            case Next.ASK_CODE:
                self._waiting().ask_anew()
            case Next.WAIT:
                return True
        return False

    def code_did_not_come(self) -> bool:
        """Go on waiting, where the code was for a PIN. False: the line had waited to the end, or never."""
        if self._world.clock.wall() >= self._world.store.locks.get(self._line).waits_until:
            return False
        self._waiting().wait_on(CODE_FOR_PIN_EXPIRED)
        return True

    def news_at(self, device: Device) -> float | None:
        """Return when, in Unix seconds, a line that waits for a code or a number goes on by itself."""
        if device.step is Step.CODE_WANTED:
            return device.code_expires
        return self._world.store.locks.get(self._line).waits_until if device.step is Step.LOCKED else None

    async def refuse_with_codes(self) -> None:
        """Refuse a newcomer with each code that comes for that; forever."""
        while True:
            code = self._world.store.locks.get(self._line).refusal_code
            if code is not None:
                try:
                    await self._lock().refuse(code)
                except SaysoError as error:
                    self._note_trouble(str(error))
            await self._code_news.wait()
            self._code_news.clear()

    def _lock(self) -> LineLock:
        if self._world.store.lines.get(self._line).state is not LineState.ON:
            raise CommandError(NOT_ON)
        return LineLock(self._world, self._line, self._reached())

    def _waiting(self) -> Waiting:
        return Waiting(self._world, self._line, self._reached())

    def _waits(self) -> bool:
        device = self._device()
        enrolling = self._world.store.lines.get(self._line).state is LineState.ENROLLING
        return enrolling and device is not None and device.step is Step.LOCKED

    def _device(self) -> Device | None:
        return self._world.store.lines.device(self._line)

    def _note_trouble(self, sentence: str) -> None:
        line = self._world.store.lines.get(self._line)
        with self._world.store.transaction("trouble"):
            self._world.store.lines.put(replace(line, trouble=sentence))
        self._world.news.line_changed(self._line)
