"""The owner's commands, carried out; and what the owner is shown."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from types import MappingProxyType
from typing import Final, Literal, Protocol

from sayso.phone import command_types as ask
from sayso.phone.adapters.store import Store
from sayso.phone.adapters.store.peers import Contact
from sayso.phone.core.lines import Device, LineState, Step, released_at
from sayso.phone.core.lock import LockState
from sayso.phone.core.peers import InCloud
from sayso.phone.core.recipient import is_short_code, read_recipient, region_of
from sayso.phone.core.texts import SENTENCES, Direction, Text
from sayso.phone.errors import CommandError
from sayso.phone.line.outgoing import NO_SUCH
from sayso.phone.line.receipts import receipt_list
from sayso.phone.line.service import LineService
from sayso.phone.line.shown import policy_of, shown_policy, shown_route, shown_waiting

NO_LINE: Final = "this phone has no line of this name; `sayso phone status` lists them"


class Feed(Protocol):
    """Tells whoever watches."""

    def publish(self, event: ask.Event) -> None:
        """Tell all watchers; never waits."""
        ...

    def subscribe(self) -> AbstractAsyncContextManager[AsyncIterator[ask.Event]]:
        """Hear everything that is published from entering until leaving."""
        ...


class Owner:
    """Does what the owner asks (the CommandHandler port), and tells what happens (the News port)."""

    def __init__(self, store: Store, feed: Feed) -> None:
        self._store = store
        self._feed = feed
        self._services: dict[bytes, LineService] = {}
        self._names: dict[bytes, str] = {}

    def serve(self, service: LineService) -> None:
        """Take a line into service."""
        self._services[service.id] = service
        self._names[service.id] = service.line.name

    def line_changed(self, line: bytes) -> None:
        """Tell that a line changed."""
        service = self._services.get(line)
        if service is not None:
            self._feed.publish(ask.LineChanged(line=self._line(service)))

    def text_changed(self, text: Text) -> None:
        """Tell that a row of a thread is there, or changed."""
        if text.line in self._names:
            self._feed.publish(ask.MessageChanged(message=self._message(text)))

    def watch(self) -> AbstractAsyncContextManager[AsyncIterator[ask.Event]]:
        """Subscribe to what happens."""
        return self._feed.subscribe()

    def read_number(self, text: str, line: str | None = None) -> str:
        """Read a number to write to, also in the national form of a line's own country.

        Args:
            text: as its owner wrote it.
            line: which line's country; None: that of all lines, where it is one.

        Raises:
            CommandError: it is neither a number nor a short code.
        """
        digits = text.strip()
        if is_short_code(digits) and self._store.conversations.with_number(digits):
            return digits  # the name of a thread that there is: whoever wrote that way is answered that way
        return read_recipient(digits, region=self._region(line))

    def shown(self, text: Text) -> ask.Message:
        """Show one row of a thread, with what it waits for."""
        return self._message(text)

    def next_route(self, line: bytes, number: str) -> ask.NextRoute | None:
        """Tell the way of the next text of a line's conversation; None where the other side cannot be written to."""
        service = self._services.get(line)
        try:
            thread = read_recipient(number, region=None)
        except CommandError:
            return None
        return None if service is None else shown_route(thread, service.line.name, service.next_route(thread))

    def likely(self, line: bytes, number: str) -> bool:
        """Tell whether a number seems to be in the cloud, to one line's eyes; asks nobody."""
        service = self._services.get(line)
        return service is not None and service.likely(number)

    async def handle(self, command: ask.Command) -> ask.Answer:  # noqa: PLR0911  one return for each command
        """Do one command.

        Raises:
            SaysoError: not possible now; the sentence says what to do.
        """
        match command:
            case ask.OptIn():
                return await self._opt_in(command)
            case ask.Code(line=line, code=code):
                await self._service(line).enter_code(code)
                return ask.Done()
            case ask.Agree(line=line, policy_sha256=policy, method=method):
                await self._service(line).agree(policy_sha256=bytes.fromhex(policy), method=method)
                return ask.Done()
            case ask.SetFindable(line=line, findable=findable, method=method):
                await self._service(line).choose_findable(findable, method=method)
                return ask.Done()
            case ask.Me(line=line):
                service = self._service(line)
                return ask.Held(line=service.line.name, held=await service.holdings())
            case ask.SetPin() | ask.EnterPin() | ask.RefuseNewcomer():
                return await self._at_lock(command)
            case ask.OptOut():
                return await self._opt_out(command)
            case _:
                return self._at_once(command)

    def _at_once(self, command: ask.Command) -> ask.Answer:  # noqa: PLR0911  one return for each command
        """Do a command that waits for nobody."""
        match command:
            case ask.Send() | ask.SendAsSms() | ask.Cancel():
                return ask.Sending(message=self._message(self._send(command)))
            case ask.SetFallback(line=line, number=number, fallback=given):
                service, thread = self._service(line), None if number is None else self.read_number(number, line)
                service.set_policy(thread, None if given is None else policy_of(given))
                return self._fallback(service, thread)
            case ask.ConfirmSim(line=line, ours=ours):
                self._service(line).confirm_sim(ours=ours)
                return ask.Done()
            case ask.OpenThread(line=line, number=number):
                service = self._service(line)
                service.open_thread(self._thread(number, line))
                return self._messages(service.id, self._thread(number, line), ask.MESSAGES_AT_ONCE)
            case ask.SetReadReceipts(line=line, on=on):
                self._service(line).set_read_receipts(on=on)
                return ask.Done()
            case ask.StillWaiting(line=line):
                waiting = self._service(line).still_waiting()
                return ask.MessageList(messages=[self._message(text) for text in waiting])
            case ask.AddContact(name=name, number=number, line=line):
                only = None if line is None else self._service(line).id
                with self._store.transaction("contact"):
                    written = Contact(number=self.read_number(number, line), name=name, line=only)
                    self._store.peers.put_contact(written)
                return ask.Done()
            case _:
                return self._look(command)

    def _send(self, command: ask.Send | ask.SendAsSms | ask.Cancel) -> Text:
        match command:
            case ask.Send(line=line, to=to, text=text):
                number = self.read_number(to, line)
                return self._on_thread(line, number).send(number, text)
            case ask.SendAsSms(line=line, id=message, in_doubt=in_doubt):
                key = bytes.fromhex(message)
                return self._of_message(line, key).send_as_sms(key, in_doubt=in_doubt)
            case ask.Cancel(line=line, id=message):
                key = bytes.fromhex(message)
                return self._of_message(line, key).cancel(key)

    def _look(self, command: ask.Command) -> ask.Answer:  # noqa: PLR0911  one return for each command
        """Look something up in the store. Never causes traffic."""
        match command:
            case ask.GetFallback(line=line, number=number):
                return self._fallback(self._service(line), None if number is None else self.read_number(number, line))
            case ask.NextText(line=line, number=number):
                thread = self.read_number(number, line)
                service = self._on_thread(line, thread)
                return shown_route(thread, service.line.name, service.next_route(thread))
            case ask.Messages(line=line, with_number=number, limit=limit):
                chosen = None if line is None else self._service(line).id
                return self._messages(chosen, None if number is None else self._thread(number, line), limit)
            case ask.Receipts(line=line):
                return receipt_list(self._store, [service.id for service in self._chosen(line)])
            case ask.Connections(line=line, limit=limit):
                return self._connections(self._chosen(line), limit)
            case ask.Contacts():
                return ask.ContactList(contacts=[self._contact(one) for one in self._store.peers.contacts()])
            case ask.OpenContact(number=number):
                contact = self._store.peers.contact(self._thread(number, None))
                if contact is None:
                    raise CommandError("there is no such contact; `sayso phone contacts` lists them")
                return ask.ContactList(contacts=[self._contact(contact)])
            case ask.OpenApp() | ask.LockApp():
                raise CommandError("this phone serves no web app")
            case _:
                return ask.StatusReport(
                    version=version("sayso"), lines=[self._line(service) for service in self._services.values()]
                )

    async def _opt_in(self, command: ask.OptIn) -> ask.Answer:
        service = self._service(command.line)
        expires_s = await service.opt_in(
            server=command.server,
            server_key=bytes.fromhex(command.server_key),
            number=command.number,
            findable=command.findable,
            method=command.method,
        )
        return ask.CodeOnItsWay(line=service.line.name, expires_s=expires_s)

    async def _opt_out(self, command: ask.OptOut) -> ask.Answer:
        service = self._service(command.line)
        recalled = await service.recall_waiting() if command.recall_waiting else 0
        waiting = len(service.still_waiting())
        left = await service.opt_out()
        return ask.OptedOut(
            line=service.line.name,
            erased=left.erased,
            outlives=list(left.outlives),
            recalled=recalled,
            left_waiting=waiting,
        )

    async def _at_lock(self, command: ask.SetPin | ask.EnterPin | ask.RefuseNewcomer) -> ask.Answer:
        service = self._service(command.line)
        match command:
            case ask.SetPin(pin=pin):
                await service.lock.set_pin(pin)
            case ask.EnterPin(pin=pin):
                await service.lock.enter_pin(pin)
            case ask.RefuseNewcomer(pin=str(pin)):
                await service.lock.delay(pin)
            case ask.RefuseNewcomer(code=str(code)):
                await service.lock.refuse(code)
            case _:
                return ask.CodeOnItsWay(line=service.line.name, expires_s=await service.lock.ask_code())
        return ask.Done()

    def _region(self, line: str | None) -> str | None:
        """Return the country of a line, or of all lines where it is one; None: not known, or more than one."""
        own = {region_of(service.line.number or service.sim.number) for service in self._chosen(line)}
        return own.pop() if len(own) == 1 else None

    def _thread(self, text: str, line: str | None) -> str:
        """Read the name of a thread: a number as people write it, a short code, or a sender in letters."""
        try:
            return self.read_number(text, line)
        except CommandError:
            return text.strip()

    def _service(self, name: str | None) -> LineService:
        if name is None:
            if len(self._services) == 1:
                return next(iter(self._services.values()))
            raise CommandError(f"this phone has {len(self._services)} lines: say which one with --line")
        for service in self._services.values():
            if service.line.name == name:
                return service
        raise CommandError(NO_LINE)

    def _on_thread(self, name: str | None, number: str) -> LineService:
        """Return the line to write from: replies leave by the line that received (design.md §5.5)."""
        last = None if name is not None or len(self._services) == 1 else self._store.texts.last_line(number)
        found = None if last is None else self._services.get(last)
        return found or self._service(name)

    def _of_message(self, name: str | None, message_id: bytes) -> LineService:
        """Return the line of a message; which one that is needs not be said."""
        text = None if name is not None else self._store.texts.by_message_id(message_id)
        found = None if text is None else self._services.get(text.line)
        if found is None and name is None:
            raise CommandError(NO_SUCH)
        return found or self._service(name)

    def _fallback(self, service: LineService, number: str | None) -> ask.FallbackSet:
        own = self._store.fallbacks.find(service.id, number)
        holds = self._store.fallbacks.get(service.id, number)
        return ask.FallbackSet(line=service.line.name, number=number, fallback=shown_policy(holds), own=own is not None)

    def _chosen(self, name: str | None) -> list[LineService]:
        return list(self._services.values()) if name is None else [self._service(name)]

    def _connections(self, services: list[LineService], limit: int) -> ask.ConnectionList:
        found = [
            ask.Connection(
                line=service.line.name,
                at=one.at,
                host=one.host,
                port=one.port,
                purpose=one.purpose,
                sent_bytes=one.sent_bytes,
                received_bytes=one.received_bytes,
            )
            for service in services
            for one in self._store.journal(service.id).newest(limit)
        ]
        return ask.ConnectionList(connections=sorted(found, key=lambda one: one.at, reverse=True)[:limit])

    def _messages(self, line: bytes | None, number: str | None, limit: int) -> ask.MessageList:
        rows = self._store.texts.newest(line=line, number=number, limit=limit)
        return ask.MessageList(messages=[self._message(row) for row in rows if row.line in self._names])

    def _message(self, text: Text) -> ask.Message:
        notice = None if text.reason is None else SENTENCES.get(text.reason)
        return ask.Message(
            id=text.message_id.hex(),
            line=self._names[text.line],
            direction=text.direction.value,
            number=text.number,
            text=text.text,
            channel=text.channel.value,
            state=text.state,
            at=text.at,
            notice=notice,
            waiting=self._waiting(text),
        )

    def _waiting(self, text: Text) -> ask.Waiting | None:
        service = self._services.get(text.line)
        if service is None or text.direction is not Direction.OUT:
            return None
        return shown_waiting(text, service.plan(text))

    def _line(self, service: LineService) -> ask.Line:
        line, device, sim = service.line, service.device, service.sim
        return ask.Line(
            name=line.name,
            state=_shown_state(line.state, device),
            connected=service.connected,
            number=line.number or sim.number,
            sim=_shown_sim(service),
            server=None if device is None else device.server,
            server_key=None if device is None else device.server_key.hex(),
            findable=None if device is None else _findable(device.findable),
            read_receipts=line.read_receipts,
            consent=None if device is None else device.record_id.hex(),
            waiting=self._store.texts.without_outcome(line.id),
            connections=self._store.journal(line.id).count(),
            trouble=line.trouble,
            lock=_shown_lock(self._store.locks.get(line.id)),
            sim_gone_since=line.sim_gone_since or None,
            released_at=released_at(line),
        )

    def _contact(self, contact: Contact) -> ask.Contact:
        known = {peer.in_cloud for peer in self._store.peers.of_number(contact.number)}
        cloud: Literal["yes", "likely", "no", "not-asked"] = "not-asked"
        if InCloud.YES in known:
            cloud = "yes"
        elif any(service.likely(contact.number) for service in self._services.values()):
            cloud = "likely"
        elif InCloud.NO in known:
            cloud = "no"
        return ask.Contact(name=contact.name, number=contact.number, cloud=cloud)


_SHOWN: Final[Mapping[LineState, ask.LineState]] = MappingProxyType(
    {
        LineState.OFF: "off",
        LineState.ENROLLING: "asking",
        LineState.ON: "on",
        LineState.LEAVING: "leaving",
        LineState.PAUSED: "paused",
        LineState.POLICY_CHANGED: "policy-changed",
    }
)


def _shown_state(state: LineState, device: Device | None) -> ask.LineState:
    if state is LineState.ENROLLING and device is not None and device.step is Step.CODE_WANTED:
        return "code-wanted"
    if state is LineState.ENROLLING and device is not None and device.step is Step.LOCKED:
        return "locked"
    return _SHOWN[state]


def _shown_lock(lock: LockState) -> ask.Lock:
    return ask.Lock(
        waits_until=lock.waits_until or None,
        pin_tries=lock.pin_tries,
        pin_set=lock.pin_set,
        newcomer_until=lock.newcomer_until or None,
    )


def _shown_sim(service: LineService) -> Literal["present", "locked", "absent", "no-modem"]:
    sim = service.sim
    if not sim.modem:
        return "no-modem"
    if not sim.present:
        return "absent"
    return "locked" if sim.locked else "present"


def _findable(stored: str) -> ask.Findable:
    return "everyone" if stored == "everyone" else "nobody"
