"""A small world on a fake clock: three phones, four lines, the relay, a carrier; everything that can go wrong does.

A script is a list of steps; each can be taken in any state, so that any script can be replayed and shortened. After the
script the world is healed and comes to rest, and `invariants.check` judges what the people see.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random

import msgspec

from sayso.phone.adapters.command_feed import CommandFeed
from sayso.phone.adapters.store import Store
from sayso.phone.adapters.store.peers import Contact
from sayso.phone.app import line_of
from sayso.phone.core.fallback import GIVE_UP_S, Policy, When
from sayso.phone.core.lines import LineState
from sayso.phone.core.outbox import Parcel
from sayso.phone.core.outgoing import Reason, State
from sayso.phone.core.sms.alphabet import MAX_PARTS
from sayso.phone.core.texts import Direction, Text
from sayso.phone.errors import CommandError, PhoneError
from sayso.phone.line.owner import Owner
from sayso.phone.line.service import LineService
from sayso.phone.line.world import World as Given
from sayso.phone.ports import Sim
from sayso.protocol.content import Kind
from sayso.protocol.errors import SaysoError
from sayso.protocol.frames import Refusal
from sayso.protocol.ids import Token
from tests.fakes.honest_server import EPOCH, POLICY, URL
from tests.fakes.modem import FakeModem, FakeNetwork, Sms
from tests.fakes.phone_clock import FakeClock, SeededRandom
from tests.fakes.phones import STORE_KEY, harden_cheaply
from tests.fakes.ratchet import FakeRatchet
from tests.fakes.relay_server import RelayServer, StreamOfDevice
from tests.fakes.set_cache import MemorySetCache
from tests.fakes.set_publisher import Publisher

PHONES = (("+447700900101",), ("+447700900102", "+447700900103"), ("+447700900104",))
NUMBERS = tuple(number for numbers in PHONES for number in numbers)
FOREIGN = "+447700900199"
"""Of a SIM that belongs to nobody here."""
QUIET = frozenset({LineState.OFF, LineState.PAUSED, LineState.POLICY_CHANGED})


class KilledError(BaseException):
    """The phone's battery fell out."""


@dataclass(frozen=True)
class Sent:
    """A text that somebody wrote."""

    by: str
    to: str
    body: str
    message_id: bytes


@dataclass
class Log:
    """What happened that the judges have to know."""

    sent: list[Sent] = field(default_factory=list)
    pushed: set[bytes] = field(default_factory=set)
    """Sent by SMS because their owner said so."""
    doubted: set[bytes] = field(default_factory=set)
    """The same, in doubt."""
    repeated: set[str] = field(default_factory=set)
    """Texts whose SMS the carrier delivered twice."""
    lost: set[str] = field(default_factory=set)
    """Texts whose SMS the carrier lost."""
    wrongs: list[str] = field(default_factory=list)


def mangled(text: str) -> str:
    """A text as a carrier leaves it that knows ASCII alone."""
    return text.encode("ascii", "replace").decode()


class Carrier(FakeNetwork):
    """Holds, repeats, reorders and loses SMS as it is told."""

    def __init__(self, log: Log, *, now: float) -> None:
        super().__init__(now=now)
        self.holds = False
        self.mangles = False
        """Whether it writes letters that are not ASCII as a question mark."""
        self._log = log

    def accept(self, sms: Sms, origin: "tuple[FakeModem, int] | None") -> None:
        super().accept(Sms(sms.sender, sms.to, mangled(sms.text)) if self.mangles else sms, origin)

    def settle(self) -> None:
        if not self.holds:
            super().settle()

    def shuffle(self, random: Random) -> None:
        """Deliver in another order than was sent."""
        random.shuffle(self._waiting)

    def repeat(self, random: Random) -> None:
        """Deliver one that is held twice."""
        if self._waiting:
            sms, origin = random.choice(self._waiting)
            self._log.repeated.add(sms.text)
            self._waiting.append((sms, origin))

    def lose(self, random: Random) -> None:
        """Lose one that is held, without a word."""
        own = [one for one in self._waiting if one[1] is not None]
        if own:
            one = random.choice(own)
            self._waiting.remove(one)
            self._log.lost.add(one[0].text)

    @property
    def in_flight(self) -> int:
        """How many wait."""
        return len(self._waiting)


class Watched(Owner):
    """An owner's side that checks each text as it changes."""

    def __init__(self, phone: "SimPhone") -> None:
        super().__init__(phone.store, CommandFeed())
        self._phone = phone

    def text_changed(self, text: Text) -> None:
        super().text_changed(text)
        if text.direction is Direction.OUT and text.state == State.SMS_SENDING and text.sms_sim is None:
            self._phone.judge_sms(text)


class SimPhone:
    """One phone with its lines; the store is what stays."""

    def __init__(self, world: "World", index: int, numbers: tuple[str, ...]) -> None:
        self.world = world
        self.random = SeededRandom(index)
        self.ratchet = FakeRatchet(seed=index)
        self.sets = MemorySetCache()
        self.dies_in: int | None = None
        """Boundaries until the battery falls out."""
        self._dead = False
        self._life: asyncio.Task[None] | None = None
        self.store = Store(None, STORE_KEY, boundary=self._boundary)
        self.numbers = numbers
        self.modems: dict[str, FakeModem] = {number: world.network.modem(number) for number in numbers}
        self.own_sims = {number: modem._full for number, modem in self.modems.items()}
        self.lines = {
            number: line_of(self.store, self.random, f"sim{slot}") for slot, number in enumerate(numbers, start=1)
        }
        self.services: dict[str, LineService] = {}

    @property
    def on(self) -> bool:
        """Whether it runs."""
        return self._life is not None and not self._life.done()

    async def boot(self) -> None:
        """Make what runs out of what is stored."""
        if self.on:
            return
        self._dead = False
        owner = Watched(self)
        given = Given(
            store=self.store,
            clock=self.world.clock,
            random=self.random,
            ratchet=self.ratchet,
            sets=self.sets,
            open_reach=self.world.server.open_reach,
            news=owner,
            policy=POLICY,
            harden=harden_cheaply,
        )
        self.owner = owner
        self.services = {number: LineService(given, line, self.modems[number]) for number, line in self.lines.items()}
        for service in self.services.values():
            owner.serve(service)
        self._life = asyncio.get_running_loop().create_task(self._live(list(self.services.values())))
        await self.world.settle()

    async def bury(self) -> None:
        """If the battery fell out, nothing of it runs on."""
        if self._dead and self.on:
            await self.crash()

    async def crash(self) -> None:
        """Die here and now."""
        self._dead = True
        if self._life is not None:
            self._life.cancel()
            with suppress(asyncio.CancelledError):
                await self._life
        self._fall()

    def line_state(self, number: str) -> LineState:
        return self.store.lines.get(self.lines[number]).state

    def stream(self, number: str) -> StreamOfDevice | None:
        """The stream of a line, if it has one."""
        device = self.store.lines.device(self.lines[number])
        return None if device is None else self.world.server.streams.get(device.device)

    def judge_sms(self, text: Text) -> None:
        """No SMS against the policy."""
        policy = self.store.fallbacks.get(text.line, text.number)
        peer = self.store.peers.get(text.line, text.number)
        pushed = text.message_id in self.world.log.pushed
        fine = {
            Reason.OWNER_CHOSE: pushed,
            Reason.OWNER_DOUBTED: text.message_id in self.world.log.doubted,
            Reason.NOT_FETCHED: policy.undelivered is When.AFTER,
            Reason.LEFT_CLOUD: policy.undelivered is When.AFTER,
            Reason.SERVER_AWAY: policy.unreachable is When.AFTER,
            Reason.LINE_OFF: not peer.ever_in_cloud or policy.undelivered is When.AFTER,
            Reason.NOT_IN_CLOUD: not peer.ever_in_cloud,
            Reason.NO_CLOUD_NUMBER: True,
        }
        if text.reason is not None and not fine.get(Reason(text.reason), False):
            self.world.log.wrongs.append(f"an SMS against the policy: {text.text}, {text.reason}")

    async def _live(self, services: list[LineService]) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for service in services:
                    tasks.create_task(service.run())
        except* KilledError:
            self._fall()

    def _fall(self) -> None:
        self.dies_in = None
        for service in self.services.values():
            reach = service._reach
            if reach is not None:
                reach.gate.shut()

    def _boundary(self, name: str, side: str) -> None:
        del name, side
        if self._dead:
            raise KilledError
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in < 0:
                self._dead = True
                raise KilledError


class World:
    """All of it."""

    def __init__(self) -> None:
        self.clock = FakeClock(turns=12)
        self.log = Log()
        self.network = Carrier(self.log, now=self.clock.wall())
        self.server = RelayServer(self.clock, self.network)
        self.server.on_traffic = self._traffic
        self.server.cut_off = lambda device: self._number_of(device) in self.cut_off
        self.publisher = Publisher(self.server, strangers=20)
        self.cut_off: set[str] = set()
        """Numbers whose phone has no data connection."""
        self.phones = [SimPhone(self, index, numbers) for index, numbers in enumerate(PHONES)]
        self._of = {number: phone for phone in self.phones for number in phone.numbers}

    def phone(self, number: str) -> SimPhone:
        """The phone with a number."""
        return self._of[number]

    def service(self, number: str) -> LineService | None:
        """The line of a number, while its phone runs."""
        phone = self._of[number]
        return phone.services[number] if phone.on else None

    async def settle(self, turns: int = 80) -> None:
        """Let everything happen that needs no time."""
        for _ in range(turns):
            await asyncio.sleep(0)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.network.now = self.clock.wall()
        await self.clock.advance(seconds)
        self.server.sweep()
        await self.settle()

    async def heal(self) -> None:
        """Everything works again; then enough time for all that can still happen."""
        self.network.holds = False
        self.server.refuses = None
        self.server.faces.clear()
        self.cut_off.clear()
        self.server.start()
        for phone in self.phones:
            phone.dies_in = None
            for number, modem in phone.modems.items():
                modem.come_back()
                modem.number = number
                modem._coverage = True
                modem._change(phone.own_sims[number])
            await phone.boot()
        for stream in list(self.server.streams.values()):
            stream.stall(on=False)
        self.network.settle()
        # A stranger hears after ten minutes that its text could not be opened, asks each quarter, tries three times.
        for seconds in (5, 30, 120, 600, 1000, 1000, 1000, 1000, 1000):
            await self.wait(seconds)
            self.network.settle()

    async def close(self) -> None:
        """End all that runs."""
        for phone in self.phones:
            await phone.crash()
            phone.store.close()
        ticking = self.server._ticking
        if ticking is not None:
            ticking.cancel()

    def _number_of(self, device: bytes) -> str | None:
        for number, phone in self._of.items():
            known = phone.store.lines.device(phone.lines[number])
            if known is not None and known.device == device:
                return number
        return None

    def _traffic(self, device: bytes) -> None:
        number = self._number_of(device)
        if number is None:
            self.log.wrongs.append("cloud traffic of a line that is off")
        elif self._of[number].line_state(number) in QUIET:
            self.log.wrongs.append("cloud traffic of a line without consent, or paused")


Step = tuple[str, int, int, int]
"""Name, and three numbers that the step makes of what it can."""
_TIMES = (0.1, 1.0, 5.0, 30.0, 120.0, 400.0, 700.0, 4_000.0, 20_000.0)
_POLICIES = (
    Policy(),
    Policy(undelivered=When.AFTER, undelivered_after_s=60, unreachable=When.AFTER, unreachable_after_s=60),
    Policy(undelivered=When.AFTER, undelivered_after_s=300, unreachable=When.NEVER),
    Policy(undelivered=When.NEVER, unreachable=When.AFTER, unreachable_after_s=300),
    Policy(undelivered=When.NEVER, unreachable=When.NEVER),
)
_WEIGHTS = {
    "send": 20,
    "wait": 20,
    "opt_in": 6,
    "opt_out": 2,
    "crash": 3,
    "dies": 5,
    "boot": 4,
    "stall": 6,
    "flow": 5,
    "cut": 4,
    "server_stop": 2,
    "server_start": 4,
    "server_crash": 3,
    "data_off": 4,
    "data_on": 5,
    "coverage_off": 2,
    "coverage_on": 3,
    "carrier_holds": 2,
    "carrier_delivers": 4,
    "carrier_shuffles": 1,
    "carrier_repeats": 1,
    "carrier_loses": 1,
    "eject": 2,
    "insert": 4,
    "other_sim": 2,
    "lock": 1,
    "modem_gone": 2,
    "modem_back": 4,
    "confirm": 1,
    "lapse": 1,
    "policy": 6,
    "push": 4,
    "push_in_doubt": 5,
    "cancel": 4,
    "open": 2,
    "receipts": 1,
    "refuses": 3,
    "expires": 1,
    "clock_set": 1,
    "forgets_keys": 2,
    "long_text": 1,
    "short_code": 1,
    "contact": 2,
    "publish": 2,
    "other_statement": 1,
    "mangles": 3,
    "epoch": 1,
    "two_faces": 2,
    "modem_forgets": 2,
    "loses_cache": 1,
    "strange_content": 1,
    "wrong_certificate": 1,
}


def script_of(seed: int, length: int) -> list[Step]:
    """Draw a script; the first steps switch most lines on, so that there is something to break."""
    random = Random(seed)
    names, weights = list(_WEIGHTS), list(_WEIGHTS.values())
    start: list[Step] = [("opt_in", line, random.randrange(1000), 0) for line in range(4) if random.random() < 0.85]
    start += [("policy", line, random.randrange(1000), 1) for line in range(4)]
    drawn = random.choices(names, weights, k=max(0, length - len(start)))
    return start + [(name, random.randrange(1000), random.randrange(1000), random.randrange(1000)) for name in drawn]


class Player:
    """Takes the steps of a script."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._steps = 0

    async def play(self, script: list[Step]) -> None:
        """Take all steps."""
        for step in script:
            await self.take(step)

    async def take(self, step: Step) -> None:
        """Take one step; one that cannot be taken now changes nothing."""
        name, a, b, c = step
        self._steps += 1
        number = NUMBERS[a % len(NUMBERS)]
        act: Callable[..., object] = getattr(self, f"_{name}")
        with suppress(SaysoError, KilledError):
            result = act(number, b, c)
            if asyncio.iscoroutine(result):
                await result
        await self._world.settle()
        for phone in self._world.phones:
            await phone.bury()

    # ---- people ----

    def _send(self, number: str, b: int, c: int) -> None:
        ending = ", à bientôt" if c % 2 else ""
        self._write(number, b, f"text {self._steps}.{c} from {number[-1]}{ending}")

    def _write(self, number: str, b: int, body: str) -> None:
        others = [one for one in NUMBERS if one != number]
        to, service = others[b % len(others)], self._world.service(number)
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

    async def _wait(self, _: str, b: int, __: int) -> None:
        await self._world.wait(_TIMES[b % len(_TIMES)])

    async def _opt_in(self, number: str, b: int, _: int) -> None:
        service = self._world.service(number)
        if service is None or service.line.state is not LineState.OFF:
            return
        server = self._world.server
        asking = asyncio.get_running_loop().create_task(
            service.opt_in(
                server=URL,
                server_key=server.digest,
                number=None,
                findable="nobody" if b % 5 == 0 else "everyone",
                method="test",
            )
        )
        await self._world.settle()
        asking.cancel()
        with suppress(asyncio.CancelledError, SaysoError, KilledError):
            await asking

    async def _opt_out(self, number: str, _: int, __: int) -> None:
        service = self._world.service(number)
        if service is None:
            return
        leaving = asyncio.get_running_loop().create_task(service.opt_out())
        await self._world.settle()
        leaving.cancel()
        with suppress(asyncio.CancelledError, SaysoError, KilledError):
            await leaving

    def _policy(self, number: str, b: int, c: int) -> None:
        service = self._world.service(number)
        if service is not None:
            others = [one for one in NUMBERS if one != number]
            service.set_policy(None if c % 2 else others[c % len(others)], _POLICIES[b % len(_POLICIES)])

    def _push(self, number: str, b: int, _: int, *, in_doubt: bool = False) -> None:
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

    def _push_in_doubt(self, number: str, b: int, c: int) -> None:
        self._push(number, b, c, in_doubt=True)

    def _cancel(self, number: str, b: int, _: int) -> None:
        service, text = self._world.service(number), self._waiting(number, b)
        if service is not None and text is not None:
            service.cancel(text.message_id)

    def _waiting(self, number: str, b: int) -> Text | None:
        phone = self._world.phone(number)
        rows = phone.store.texts.newest(line=phone.lines[number], number=None, limit=1000)
        out = [row for row in rows if row.direction is Direction.OUT]
        return out[-1 - b % min(3, len(out))] if out else None

    def _open(self, number: str, b: int, _: int) -> None:
        service = self._world.service(number)
        if service is not None:
            service.open_thread(NUMBERS[b % len(NUMBERS)])

    def _receipts(self, number: str, b: int, _: int) -> None:
        service = self._world.service(number)
        if service is not None:
            service.set_read_receipts(on=b % 2 == 0)

    def _confirm(self, number: str, b: int, _: int) -> None:
        service = self._world.service(number)
        if service is not None:
            service.confirm_sim(ours=b % 2 == 0)

    # ---- phones ----

    async def _crash(self, number: str, b: int, _: int) -> None:
        phone = self._world.phone(number)
        await phone.crash()
        if b % 2:
            await phone.boot()

    def _dies(self, number: str, b: int, _: int) -> None:
        phone = self._world.phone(number)
        if phone.on:
            phone.dies_in = b % 12

    async def _boot(self, number: str, _: int, __: int) -> None:
        await self._world.phone(number).boot()

    def _eject(self, number: str, _: int, __: int) -> None:
        self._world.phone(number).modems[number].eject()

    def _insert(self, number: str, _: int, __: int) -> None:
        phone = self._world.phone(number)
        modem = phone.modems[number]
        modem.number = number
        modem._change(phone.own_sims[number])

    def _other_sim(self, number: str, _: int, __: int) -> None:
        modem = self._world.phone(number).modems[number]
        modem.number = FOREIGN
        serial = f"{NUMBERS.index(number):010d}"
        foreign = Sim(
            present=True,
            locked=False,
            imsi=f"00102{serial}",
            iccid=f"8999102{serial}00",
            number=FOREIGN,
            operator="Another",
        )
        modem._change(foreign)

    def _lock(self, number: str, _: int, __: int) -> None:
        self._world.phone(number).modems[number].lock()

    def _modem_gone(self, number: str, _: int, __: int) -> None:
        self._world.phone(number).modems[number].vanish()

    def _modem_back(self, number: str, _: int, __: int) -> None:
        self._world.phone(number).modems[number].come_back()

    def _modem_forgets(self, number: str, _: int, __: int) -> None:
        """It knows nothing of what it sent; of what it was just being given it cannot say what became of it."""
        phone = self._world.phone(number)
        modem = phone.modems[number]
        for ref in list(modem._refs):
            text = phone.store.texts.by_sms_ref(ref)
            if text is not None and text.state == State.SMS_SENDING:
                modem._refs[ref] = "cannot-say"
            else:
                del modem._refs[ref]

    def _loses_cache(self, number: str, _: int, __: int) -> None:
        self._world.phone(number).sets.shards.clear()

    def _coverage_off(self, number: str, _: int, __: int) -> None:
        self._world.phone(number).modems[number].cover(on=False)

    def _coverage_on(self, number: str, _: int, __: int) -> None:
        self._world.phone(number).modems[number].cover(on=True)

    # ---- the network ----

    def _stall(self, number: str, _: int, __: int) -> None:
        stream = self._world.phone(number).stream(number)
        if stream is not None:
            stream.stall(on=True)

    def _flow(self, number: str, _: int, __: int) -> None:
        stream = self._world.phone(number).stream(number)
        if stream is not None:
            stream.stall(on=False)

    def _cut(self, number: str, b: int, _: int) -> None:
        self._world.server.chance = Random(b)
        stream = self._world.phone(number).stream(number)
        if stream is not None:
            stream.cut()

    def _data_off(self, number: str, b: int, c: int) -> None:
        self._world.cut_off.add(number)
        self._cut(number, b, c)

    def _data_on(self, number: str, _: int, __: int) -> None:
        self._world.cut_off.discard(number)

    def _carrier_holds(self, _: str, __: int, ___: int) -> None:
        self._world.network.holds = True

    def _carrier_delivers(self, _: str, __: int, ___: int) -> None:
        self._world.network.holds = False
        self._world.network.settle()

    def _carrier_shuffles(self, _: str, b: int, __: int) -> None:
        self._world.network.shuffle(Random(b))

    def _carrier_repeats(self, _: str, b: int, __: int) -> None:
        self._world.network.repeat(Random(b))

    def _carrier_loses(self, _: str, b: int, __: int) -> None:
        self._world.network.lose(Random(b))

    # ---- the server ----

    def _server_stop(self, _: str, b: int, __: int) -> None:
        self._world.server.chance = Random(b)
        self._world.server.stop()

    def _server_start(self, _: str, __: int, ___: int) -> None:
        self._world.server.start()

    def _server_crash(self, _: str, b: int, __: int) -> None:
        self._world.server.chance = Random(b)
        self._world.server.crash()

    def _lapse(self, number: str, _: int, __: int) -> None:
        device = self._world.phone(number).store.lines.device(self._world.phone(number).lines[number])
        if device is not None and self._world.phone(number).stream(number) is None:
            self._world.server.lapse(device.device)

    def _refuses(self, _: str, b: int, c: int) -> None:
        self._world.server.refuses = [None, *Refusal][b % (len(Refusal) + 1)]
        self._world.server.refuses_left = c % 4

    def _expires(self, _: str, __: int, ___: int) -> None:
        self._world.server.expire()

    def _clock_set(self, _: str, b: int, __: int) -> None:
        self._world.clock.jump((GIVE_UP_S + 60, -3600.0, 3600.0)[b % 3])

    def _publish(self, _: str, b: int, c: int) -> None:
        publisher = self._world.publisher
        for number in NUMBERS:
            if self._world.server.of_number(number) is not None:
                publisher.enrol(number)
        if b % 5 == 1:  # the set outgrows its shape
            publisher.tokens += [Token(bytes([EPOCH]) + Random(c + place).randbytes(32)) for place in range(100)]
        shown = publisher.publish()
        if b % 5 == 0:  # larger than a phone takes
            large = [msgspec.structs.replace(one, count=10**9) for one in shown.sets]
            publisher.show(msgspec.structs.replace(shown, sets=large))

    def _two_faces(self, number: str, b: int, _: int) -> None:
        """One line is shown another statement than the rest; or is not any more."""
        device = self._world.phone(number).store.lines.device(self._world.phone(number).lines[number])
        if b % 2 or device is None:
            self._world.server.faces.clear()
        else:
            self._world.server.faces[device.device] = {**self._world.server.voprf_keys, EPOCH + 7: bytes([9]) * 32}

    def _other_statement(self, _: str, __: int, ___: int) -> None:
        if self._world.server.other_certificate_key is None:
            self._world.server.rotate_certificate_key()

    def _epoch(self, _: str, __: int, ___: int) -> None:
        if len(self._world.server.voprf_keys) == 1:
            self._world.server.rotate_voprf()

    # ---- oddities ----

    def _strange_content(self, number: str, b: int, _: int) -> None:
        """A kind from the future, or a text that is none."""
        phone = self._world.phone(number)
        others = [one for one in NUMBERS if one != number]
        if phone.line_state(number) is not LineState.ON:
            return
        with phone.store.transaction("strange"):
            phone.store.outbox.add(
                Parcel(
                    line=phone.lines[number],
                    number=others[b % len(others)],
                    kind=(99, Kind.TEXT)[b % 2],
                    message_id=phone.random.token_bytes(16),
                    body=b"\xc1",
                )
            )

    def _wrong_certificate(self, number: str, _: int, __: int) -> None:
        """A phone shows the certificate of another line until it has a fresh one of its own."""
        phone = self._world.phone(number)
        device = phone.store.lines.device(phone.lines[number])
        others = [self._world.phone(one) for one in NUMBERS if one != number]
        theirs = [
            found.certificate
            for other in others
            for line in other.lines.values()
            if (found := other.store.lines.device(line)) is not None and found.certificate is not None
        ]
        if device is not None and device.certificate is not None and theirs:
            with phone.store.transaction("wrong-certificate"):
                phone.store.lines.put_device(replace(device, certificate=theirs[0]))

    def _forgets_keys(self, number: str, b: int, _: int) -> None:
        """The store was damaged: sessions are gone, and for the worse, the envelope keys too."""
        phone = self._world.phone(number)
        with phone.store.transaction("damage"):
            phone.store.peers._sessions.delete("WHERE line = ?", phone.lines[number])
            if b % 2:
                for key in phone.store.lines.envelope_keys(phone.lines[number]):
                    phone.store.lines.destroy_envelope_key(phone.lines[number], key.key_id)

    def _long_text(self, number: str, b: int, c: int) -> None:
        self._write(number, b, f"text {self._steps}.{c} is long " + "x" * 153 * MAX_PARTS)

    def _short_code(self, number: str, _: int, __: int) -> None:
        service = self._world.service(number)
        if service is not None:
            service.send("12345", "STOP")

    def _contact(self, number: str, b: int, _: int) -> None:
        phone = self._world.phone(number)
        with phone.store.transaction("contact"):
            phone.store.peers.put_contact(Contact(number=NUMBERS[b % len(NUMBERS)], name="Somebody"))

    def _mangles(self, _: str, b: int, __: int) -> None:
        self._world.network.mangles = b % 2 == 0


__all__ = ["NUMBERS", "Carrier", "Log", "PhoneError", "Player", "Sent", "SimPhone", "Sms", "World", "script_of"]
