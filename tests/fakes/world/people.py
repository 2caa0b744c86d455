"""What people do."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from random import Random
from typing import Any, Final

from sayso.phone.adapters.store.peers import Contact
from sayso.phone.core.fallback import Policy, When
from sayso.phone.core.lines import LineState
from sayso.phone.core.sms.alphabet import MAX_PARTS
from sayso.phone.core.texts import Direction, Text
from sayso.phone.errors import CommandError
from sayso.phone.web.address_book import take_over
from sayso.protocol.errors import SaysoError
from tests.fakes.honest_server import URL
from tests.fakes.world.books import book, torn
from tests.fakes.world.log import Sent
from tests.fakes.world.phone import KilledError
from tests.fakes.world.world import NUMBERS, World

_TIMES: Final = (0.1, 1.0, 5.0, 30.0, 120.0, 400.0, 700.0, 3_000.0) * 2 + (15_000.0,)
"""Seconds; the longest is dear, since a modem that is gone is looked for all the time."""
_POLICIES: Final = (
    Policy(),
    Policy(undelivered=When.AFTER, undelivered_after_s=60, unreachable=When.AFTER, unreachable_after_s=60),
    Policy(undelivered=When.AFTER, undelivered_after_s=300, unreachable=When.NEVER),
    Policy(undelivered=When.NEVER, unreachable=When.AFTER, unreachable_after_s=300),
    Policy(undelivered=When.NEVER, unreachable=When.NEVER),
)
_MORE: Final = "".join(f" {number}" for number in range(100, 160))
"""Makes a text go in parts; none of them is like another."""
_PINS: Final = ("271828", "314159")


def others(number: str) -> list[str]:
    """The other lines' numbers."""
    return [one for one in NUMBERS if one != number]


class People:
    """The owners of the phones."""

    def __init__(self, world: World) -> None:
        self._world = world

    def send(self, number: str, b: int, c: int) -> None:
        """Write a text, sometimes a longer one, sometimes with letters that need other encodings."""
        ending = ("", ", à bientôt", _MORE, f", {{à}} plus tôt{_MORE}")[c % 4 if c % 3 == 0 else c % 2]
        self._write(number, b, f"text {self._world.steps}.{c} from {number[-1]}{ending}")

    def long_text(self, number: str, b: int, c: int) -> None:
        """Write one that no SMS can carry."""
        self._write(number, b, f"text {self._world.steps}.{c} is long " + "x" * 153 * MAX_PARTS)

    def _write(self, number: str, b: int, body: str) -> None:
        to, service = others(number)[b % 3], self._world.service(number)
        if service is None:
            return
        try:
            text = service.send(to, body)
        except KilledError:
            rows = self._world.phone(number).store.texts.newest(line=service.id, number=to, limit=10)
            for text in [row for row in rows if row.text == body]:
                self._world.log.sent.append(Sent(number, to, body, text.message_id))
            raise
        self._world.log.sent.append(Sent(number, to, body, text.message_id))

    async def wait(self, _: str, b: int, __: int) -> None:
        """Do nothing for a while."""
        await self._world.wait(_TIMES[b % len(_TIMES)])

    async def opt_in(self, number: str, b: int, _: int) -> None:
        """Say yes; the number of the SIM is typed in, since not every modem tells it."""
        service = self._world.service(number)
        if service is None or service.line.state is not LineState.OFF:
            return
        await self._begin(
            service.opt_in(
                server=URL,
                server_key=self._world.server.digest,
                number=self._world.station(number).number,
                findable="nobody" if b % 5 == 0 else "everyone",
                method="test",
            )
        )

    async def opt_out(self, number: str, _: int, __: int) -> None:
        """Say no."""
        service = self._world.service(number)
        if service is not None:
            await self._begin(service.opt_out())

    async def comes_back(self, number: str, b: int, c: int) -> None:
        """Say no, then yes again; where the server could not hear the no, the number is still somebody's for it."""
        service = self._world.service(number)
        if service is not None and c % 2:
            await self._begin(service.lock.set_pin(_PINS[0]))
        if b % 3:
            self._world.cut_off.add(number)
        await self.opt_out(number, b, c)
        await self._world.wait(30)
        self._world.cut_off.discard(number)
        await self.opt_in(number, 1, c)
        await self._world.wait(400)
        if service is not None and c % 4 > 1:
            await self._begin(service.lock.enter_pin(_PINS[b % 2]))

    async def pin(self, number: str, b: int, c: int) -> None:
        """Do something about the registration lock, on either side of it."""
        service = self._world.service(number)
        if service is None:
            return
        pin = _PINS[c % 5 == 0]  # mostly the right one
        waits = service.line.state is LineState.ENROLLING
        doings = [service.lock.enter_pin] if waits else [service.lock.set_pin, service.lock.delay]
        if not waits and b % 3 == 0:
            await self._begin(service.lock.ask_code())
        elif not waits and b % 7 == 0:
            await self._begin(service.lock.refuse("000000"))
        else:
            await self._begin(doings[b % len(doings)](pin))

    def composes(self, number: str, b: int, c: int) -> None:
        """Write something and look at how many SMS it would be, by the tables of some languages; then drop it."""
        random = Random(b * 1000 + c)
        signs = random.choice(("abc {}", "abc{à}Ж", "a\u0131Ğş", "ab\ud800"))
        text = "".join(random.choices(signs, k=random.choice((3, 160, 700, 40_000))))
        self._world.judge_count(text, languages=[[], [1, 2], [3], [99]][c % 4])
        service = self._world.service(number)
        if service is not None and "\ud800" in text:
            service.send(others(number)[0], text)

    def policy(self, number: str, b: int, c: int) -> None:
        """Choose what becomes of texts that do not arrive by cloud."""
        service = self._world.service(number)
        if service is not None:
            service.set_policy(None if c % 2 else others(number)[c % 3], _POLICIES[b % len(_POLICIES)])

    def push(self, number: str, b: int, _: int, *, in_doubt: bool = False) -> None:
        """Have a text sent by SMS."""
        service, text = self._world.service(number), self._waiting(number, b)
        if service is None or text is None:
            return
        new = text.message_id not in self._world.log.pushed
        self._world.log.pushed.add(text.message_id)
        if in_doubt:
            self._world.log.doubted.add(text.message_id)
        try:
            service.send_as_sms(text.message_id, in_doubt=in_doubt)
        except CommandError:
            if new:
                self._world.log.pushed.discard(text.message_id)
            raise

    def push_in_doubt(self, number: str, b: int, c: int) -> None:
        """The same, in doubt."""
        self.push(number, b, c, in_doubt=True)

    def cancel(self, number: str, b: int, _: int) -> None:
        """Take a text back."""
        service, text = self._world.service(number), self._waiting(number, b)
        if service is not None and text is not None:
            service.cancel(text.message_id)

    def _waiting(self, number: str, b: int) -> Text | None:
        phone = self._world.phone(number)
        rows = phone.store.texts.newest(line=phone.lines[number], number=None, limit=1000)
        out = [row for row in rows if row.direction is Direction.OUT]
        return out[-1 - b % min(3, len(out))] if out else None

    def open(self, number: str, b: int, _: int) -> None:
        """Look at a thread."""
        service = self._world.service(number)
        if service is not None:
            service.open_thread(NUMBERS[b % len(NUMBERS)])

    def receipts(self, number: str, b: int, _: int) -> None:
        """Switch read receipts."""
        service = self._world.service(number)
        if service is not None:
            service.set_read_receipts(on=b % 2 == 0)

    def confirm(self, number: str, b: int, _: int) -> None:
        """Say whose SIM is in the phone."""
        service = self._world.service(number)
        if service is not None:
            service.confirm_sim(ours=b % 2 == 0)

    def short_code(self, number: str, _: int, __: int) -> None:
        """Write to a service."""
        service = self._world.service(number)
        if service is not None:
            service.send("12345", "STOP")

    def contact(self, number: str, b: int, _: int) -> None:
        """Write down a name."""
        phone = self._world.phone(number)
        with phone.store.transaction("contact"):
            phone.store.peers.put_contact(Contact(number=NUMBERS[b % len(NUMBERS)], name="Somebody"))
        self._world.log.books.setdefault(phone.index, {})[NUMBERS[b % len(NUMBERS)]] = "Somebody"

    async def imports(self, number: str, b: int, c: int) -> None:
        """Take over an address book, or what is left of one."""
        phone, random = self._world.phone(number), Random(b * 1000 + c)
        if not phone.on:
            return
        written, names = book(NUMBERS, random)
        known = self._world.log.books.setdefault(phone.index, {})
        for name in names:
            known.pop(name, None)  # until it is all taken over, nobody can say which of them are
        if b % 4 == 0:
            await take_over(phone.owner, torn(written, random))
        else:
            await take_over(phone.owner, written)
            known |= names

    async def _begin(self, doing: Coroutine[Any, Any, object]) -> None:
        """Begin something that needs answers, and look away after what needs no time."""
        task = asyncio.get_running_loop().create_task(doing)
        await self._world.settle()
        task.cancel()
        with suppress(asyncio.CancelledError, SaysoError, KilledError):
            await task
