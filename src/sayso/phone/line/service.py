"""One line: its state, what its owner can do with it, and what runs while it is off, enrolling, on or leaving."""

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.records import read_record
from sayso.phone.core.fallback import Plan, Policy
from sayso.phone.core.lines import Device, Line, LineEvent, LineState, Step
from sayso.phone.core.peers import InCloud
from sayso.phone.core.reconnect import wait_s
from sayso.phone.core.route import Claim, Cloud, Route, after_claim
from sayso.phone.core.texts import Channel, Direction, InState, Text
from sayso.phone.errors import CommandError, ProblemError, UnreachableError
from sayso.phone.line.agreeing import Agreeing
from sayso.phone.line.chance import chance
from sayso.phone.line.enrolment import Enrolment, Yes, give_consent
from sayso.phone.line.last_recall import recall_waiting, still_waiting
from sayso.phone.line.leaving import ENROLMENT_ENDED, Leaving, Left
from sayso.phone.line.lock_desk import LockDesk
from sayso.phone.line.online import Online
from sayso.phone.line.outgoing import Outgoing
from sayso.phone.line.patience import Patience
from sayso.phone.line.sim_watch import SimView, SimWatch
from sayso.phone.line.texting import Texting
from sayso.phone.line.world import Reach, World
from sayso.phone.ports import Modem
from sayso.protocol.api import ME_PATH, Empty, Holdings, ProblemType
from sayso.protocol.content import Kind
from sayso.protocol.errors import NumberError, SaysoError
from sayso.protocol.ids import DeviceId
from sayso.protocol.numbers import PhoneNumber

CODE_EXPIRED: Final = "the code has expired; opt in again to get another one"


class LineService:
    """One line at work."""

    def __init__(self, world: World, line: bytes, modem: Modem) -> None:
        """Take a line that is in the store, and its modem. Nothing happens before `run`."""
        self._patience = Patience(world, line, world.news, connected=lambda: self.connected)
        world = replace(world, news=self._patience)
        self._world = world
        self.id = line
        self._outgoing = Outgoing(world, line)
        self._leaving = Leaving(world, line)
        self._agreeing = Agreeing(world, line)
        self._changed = asyncio.Event()
        self._enrolling = asyncio.Lock()
        self._reach: Reach | None = None
        self._online: Online | None = None
        self._anew = False
        """Whether what the line is at has to begin again."""
        self._leavers: list[asyncio.Future[Left]] = []
        self._code_news = asyncio.Event()
        self.lock = LockDesk(world, line, reached=self._reached, enrolling=self._enrolling, code_news=self._code_news)
        self._sims = SimWatch(
            world,
            line,
            moved=self._changed.set,
            released=self._release,
            ours_now=lambda: self._texting.look_again(),  # noqa: PLW0108  made below
        )
        self._texting = Texting(world, line, modem, sims=self._sims, code_came=self._code_news.set)

    @property
    def line(self) -> Line:
        """The line as it is stored."""
        return self._world.store.lines.get(self.id)

    @property
    def device(self) -> Device | None:
        """The line's device, if it has one."""
        return self._world.store.lines.device(self.id)

    @property
    def connected(self) -> bool:
        """Whether the line's stream is open and logged in."""
        return self._online is not None and self._online.connected

    def likely(self, number: str) -> bool:
        """Tell whether a contact seems to be in the cloud: a hint, for the eyes. Asks nobody."""
        return self._online is not None and self._online.likely(number)

    @property
    def sim(self) -> SimView:
        """What the modem says of its SIM."""
        return self._sims.view

    async def opt_in(self, *, server: str, server_key: bytes, number: str | None, findable: str, method: str) -> int:
        """Take the owner's yes and ask for a code; returns how many seconds the code is good for.

        Raises:
            SaysoError: not possible now; the line is off as before.
        """
        async with self._enrolling:
            await self._sims.known.wait()  # just after a start, the modem has not told the SIM's number yet
            yes = Yes(
                server=server,
                server_key=server_key,
                number=self._own_number(number),
                findable=findable,
                method=method,
                sim=self._sims.view.digest,
            )
            give_consent(self._world, self.id, yes)
            try:
                return await self._enrolment().ask_code()
            except SaysoError:
                if self.line.state is LineState.ENROLLING:
                    self._end(LineEvent.ENROLMENT_FAILED, None)
                raise
            finally:
                self._changed.set()

    async def enter_code(self, code: str) -> None:
        """Take a code that the owner typed.

        Raises:
            SaysoError: no code is wanted, it is wrong, or the server does not answer.
        """
        async with self._enrolling:
            device = self.device
            if self.line.state is not LineState.ENROLLING or device is None or device.step is not Step.CODE_WANTED:
                raise CommandError("no code is wanted on this line now: opt in first")
            try:
                await self._enrolment().confirm(code)
            finally:
                self._code_news.set()

    async def agree(self, *, policy_sha256: bytes, method: str) -> None:
        """Take the owner's yes to a policy that has changed; see `Agreeing`."""
        async with self._enrolling:
            await self._agreeing.agree(policy_sha256=policy_sha256, method=method)
            await self._reach_anew()

    async def choose_findable(self, findable: str, *, method: str) -> None:
        """Take the owner's word on who may find the line; see `Agreeing`."""
        async with self._enrolling:
            await self._agreeing.choose_findable(findable, method=method)
            await self._reach_anew()

    async def _reach_anew(self) -> None:
        """Go on under the consent that is in force now: what is open was opened under the one before."""
        self._anew = True
        self._changed.set()
        if self._online is not None:
            return  # it shuts what it opened, on its way out
        stale, self._reach = self._reach, None
        if stale is not None:
            stale.gate.shut()
            await stale.control.close()

    async def holdings(self) -> Holdings:
        """Ask the server for all that it holds of this line.

        Raises:
            CommandError: the line is not enrolled.
            ServerSideError: refused, or no answer.
        """
        if self.line.state not in {LineState.ON, LineState.POLICY_CHANGED}:
            raise CommandError("the server holds nothing of this line that it could be asked for: it is not on")
        return await self._reached().control.call(ME_PATH, Empty(), Holdings)

    def still_waiting(self) -> list[Text]:
        """Return the texts that wait in others' mailboxes, as far as this phone was told."""
        return still_waiting(self._world, self.id)

    async def recall_waiting(self) -> int:
        """Recall them, if the stream is open; returns how many were recalled."""
        return await recall_waiting(self._world, self.id, self.cancel) if self.connected else 0

    async def opt_out(self) -> Left:
        """Take the owner's no; returns once the line is silent.

        Raises:
            CommandError: there is nothing to leave.
        """
        self._leaving.begin()
        left: asyncio.Future[Left] = asyncio.get_running_loop().create_future()
        self._leavers.append(left)
        self._changed.set()
        return await left

    def send(self, number: str, text: str) -> Text:
        """Write down a text; it is durable when this returns, and goes its way by itself.

        Raises:
            CommandError: this is no number.
            ContentError: too long, or not valid Unicode.
        """
        written = self._outgoing.write(number, text, connected=self.connected)
        self._wake(written)
        return written

    def send_as_sms(self, message_id: bytes, *, in_doubt: bool = False) -> Text:
        """Send a text by SMS because the owner says so; one that the server may have is recalled first.

        Raises:
            CommandError: there is no such text, or somebody may have it already.
        """
        moved = self._outgoing.owner_chose_sms(message_id, in_doubt=in_doubt)
        self._wake(moved)
        return moved

    def cancel(self, message_id: bytes) -> Text:
        """Take a text back; one that the server may have is recalled first.

        Raises:
            CommandError: there is no such text, or it does not wait any more.
        """
        moved = self._outgoing.cancel(message_id)
        self._wake(moved)
        return moved

    def plan(self, text: Text) -> Plan | None:
        """Tell what a text of ours waits for."""
        return self._outgoing.plan(text, connected=self.connected)

    def set_policy(self, number: str | None, policy: Policy | None) -> None:
        """Set or take back a fallback policy; it holds for what waits already, too."""
        with self._world.store.transaction("policy-set"):
            self._world.store.fallbacks.put(self.id, number, policy)
        self._world.news.line_changed(self.id)
        for text in self._world.store.texts.waiting(self.id):
            if number in {None, text.number}:
                self._world.news.text_changed(text)

    def next_route(self, number: str) -> Route:
        """Tell by which way the next text of a conversation would go, without asking anybody."""
        route = self._outgoing.route(number, connected=self.connected)
        if route is not None:
            return route
        peer = self._world.store.peers.get(self.id, number)
        if peer.in_cloud is InCloud.NO:
            return after_claim(peer, self._outgoing.policy(number))
        return Cloud() if peer.in_cloud is InCloud.YES else Claim()

    def confirm_sim(self, *, ours: bool) -> None:
        """Take the owner's word on a SIM that is not the one the line is bound to; see `SimWatch`."""
        self._sims.confirm(ours=ours)

    def open_thread(self, number: str) -> None:
        """Mark a thread as read on the phone; with read receipts on, and only then, its writer is told."""
        store, line = self._world.store, self.line
        unread = store.texts.unread(self.id, number)
        if not unread:
            return
        tells = line.read_receipts and line.state in {LineState.ON, LineState.PAUSED}
        with store.transaction("thread-opened"):
            for text in unread:
                store.texts.put(replace(text, state=InState.READ))
                if tells and text.direction is Direction.IN and text.channel is Channel.CLOUD:
                    store.outbox.owe_receipt(self.id, number, Kind.READ, text.message_id)
        for text in unread:
            self._world.news.text_changed(replace(text, state=InState.READ))
        if tells and self._online is not None:
            self._online.wake()

    def set_read_receipts(self, *, on: bool) -> None:
        """Switch the line's read receipts."""
        with self._world.store.transaction("read-receipts"):
            self._world.store.lines.put(replace(self.line, read_receipts=on))
        self._world.news.line_changed(self.id)

    async def run(self) -> None:
        """Serve the line for as long as the phone runs."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._texting.run())
            tasks.create_task(self._patience.run(self._outgoing, self._wake))
            tasks.create_task(self._sims.run())
            await self._sims.known.wait()
            while True:
                self._changed.clear()
                self._anew = False
                self._sims.look()
                match self.line.state:
                    case LineState.ENROLLING:
                        await self._while(LineState.ENROLLING, self._enrol())
                    case LineState.ON:
                        await self._while(LineState.ON, self._stay_online())
                    case LineState.LEAVING:
                        await self._leave()
                    case _:
                        await self._changed.wait()

    async def _while(self, state: LineState, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` for as long as the line is in `state`, and no longer."""
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(work)
            task.add_done_callback(lambda _: self._changed.set())
            while self.line.state is state and not task.done() and not self._anew:
                await self._changed.wait()
                self._changed.clear()
            task.cancel()

    async def _stay_online(self) -> None:
        reach = self._reached()
        self._online = Online(
            self._world,
            self.id,
            reach,
            outgoing=self._outgoing,
            sms_chosen=self._texting.sms_chosen,
            ended=lambda: self._end(LineEvent.ENDED_BY_SERVER, ENROLMENT_ENDED),
            policy_changed=self._ask_anew,
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                refusing = tasks.create_task(self.lock.refuse_with_codes())
                await self._online.run()
                refusing.cancel()
        finally:
            self._online = None
            self._reach = None
            reach.gate.shut()
            self._world.news.line_changed(self.id)
            await reach.control.close()

    async def _enrol(self) -> None:
        """Go on with an enrolment from the device's step, until the line is on, or off again."""
        failures = 0
        while self.line.state is LineState.ENROLLING:
            try:
                async with self._enrolling:
                    waits_for_code = await self._enrol_on()
                failures = 0
            except SaysoError as error:
                if not _may_pass(error):
                    self._end(LineEvent.ENROLMENT_FAILED, str(error))
                    return
                failures += 1
                await self._world.clock.sleep(wait_s(failures, chance(self._world.random)))
                continue
            if waits_for_code:
                await self._code_or_expiry()

    async def _enrol_on(self) -> bool:
        """Do the next step; returns whether only a code can lead further."""
        device = self.device
        if self.line.state is not LineState.ENROLLING or device is None:
            return False
        match device.step:
            case Step.CONSENTED:
                await self._enrolment().ask_code()
            case Step.CODE_WANTED:
                return await self._try_code(device)
            case Step.CONFIRMING:
                await self._enrolment().confirm()
            case Step.LOCKED:
                return await self.lock.wait_or_come()
            case Step.ENROLLED | Step.READY:
                await self._enrolment().settle()
        return False

    async def _try_code(self, device: Device) -> bool:
        if device.code is not None:
            try:
                await self._enrolment().confirm(device.code)
            except CommandError as error:
                with self._world.store.transaction("trouble"):
                    self._world.store.lines.put(replace(self.line, trouble=str(error)))
                self._world.news.line_changed(self.id)
                return True
            return False
        if self._world.clock.wall() < device.code_expires:
            return True
        if self.lock.code_did_not_come():
            return False
        raise CommandError(CODE_EXPIRED)

    async def _code_or_expiry(self) -> None:
        """Wait for a code from the modem, for one that the owner types, or for the end of its time."""
        device = self.device
        news_at = None if device is None else self.lock.news_at(device)
        if news_at is None:
            return
        left = news_at - self._world.clock.wall()
        async with asyncio.TaskGroup() as tasks:
            alarm = tasks.create_task(self._alarm(max(0.0, left)))
            await self._code_news.wait()
            self._code_news.clear()
            alarm.cancel()

    async def _alarm(self, seconds: float) -> None:
        await self._world.clock.sleep(seconds)
        self._code_news.set()

    async def _leave(self) -> None:
        device = self.device
        consent = None if device is None else self._world.store.lines.consent(device.record_id)
        if device is None or consent is None or consent.withdrawal is None:
            raise LookupError("a line that is being left has a device and a withdrawal")
        left = await self._leaving.finish(self._reached(), device, json.loads(consent.withdrawal))
        self._reach = None
        waiting, self._leavers = self._leavers, []
        for leaver in waiting:
            if not leaver.done():
                leaver.set_result(left)

    def _release(self, sentence: str) -> None:
        self._end(LineEvent.SIM_RELEASED, sentence)

    def _ask_anew(self, sentence: str) -> None:
        self._agreeing.ask(sentence)
        self._changed.set()

    def _end(self, event: LineEvent, trouble: str | None) -> None:
        self._leaving.ended(self._reach, event, trouble)
        self._reach = None
        self._changed.set()

    def _reached(self) -> Reach:
        """Return the ways to the line's server; the consent record in the store is what opens them."""
        if self._reach is None:
            device = self.device
            consent = None if device is None else self._world.store.lines.consent(device.record_id)
            if device is None or consent is None:
                raise LookupError("without a consent nothing can be reached")
            self._reach = self._world.open_reach(
                read_record(json.loads(consent.record)),
                device=DeviceId(device.device),
                key=Ed25519PrivateKey.from_private_bytes(device.seed),
                journal=self._world.store.journal(self.id),
            )
        return self._reach

    def _enrolment(self) -> Enrolment:
        return Enrolment(self._world, self.id, self._reached())

    def _wake(self, text: Text) -> None:
        if text.channel is Channel.SMS:
            self._texting.sms_chosen.set()
        if self._online is not None:
            self._online.wake()

    def _own_number(self, given: str | None) -> PhoneNumber:
        number = given or self._sims.view.number
        if number is None:
            raise CommandError("the SIM does not tell its number: say which it is, such as +44 7700 900123")
        try:
            return PhoneNumber.parse(number)
        except NumberError as error:
            raise CommandError(f"this line's own number cannot be used: {error}") from error


def _may_pass(error: SaysoError) -> bool:
    """Whether a step of an enrolment that failed like this is worth another try."""
    if isinstance(error, ProblemError):
        return error.problem in {ProblemType.UNAVAILABLE, ProblemType.INTERNAL, ProblemType.LIMIT}
    return isinstance(error, UnreachableError)
