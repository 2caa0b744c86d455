"""One modem of ModemManager's, for as long as it is there."""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

from sayso.phone.adapters.alarm import next_within
from sayso.phone.adapters.modem_manager.bus import (
    OBJECT_MANAGER,
    PROPERTIES,
    Bus,
    BusRefusal,
    NoAnswerError,
    Signal,
    variants,
)
from sayso.phone.adapters.sms_bounds import can_be_sent
from sayso.phone.core.modem_manager import (
    MESSAGING,
    MODEM,
    SERVICE,
    SIM,
    SMS,
    ModemView,
    SmsState,
    StoredSms,
    refused,
    sms_of,
    storage_full,
    text,
    view_of,
)
from sayso.phone.core.sms.assembly import PATIENCE_S
from sayso.phone.core.sms.incoming import meaning
from sayso.phone.errors import ModemGoneError
from sayso.phone.ports import Clock, HandedBook, HandedSms, IncomingSms, ModemEvent, Sim, SmsSent, Storage

_SEND_S: Final = 180.0
"""ModemManager itself gives a network two minutes for each part."""
LOOK_S: Final = 5.0
"""So often the bus is looked at: nothing tells when it dies."""
_HANDING: Final = "handing"
_NO_SIM: Final = Sim(present=False, locked=False, imsi="", iccid="", number=None, operator="")
_OPEN = (BusRefusal, NoAnswerError)


class Attached:
    """What one modem tells, and what it is told."""

    def __init__(self, bus: Bus, path: str, *, book: HandedBook, clock: Clock, look_s: float) -> None:
        self._bus = bus
        self._path = path
        self._book = book
        self._clock = clock
        self._look_s = look_s
        self._ended = False
        self._out: deque[ModemEvent] = deque()
        self._modem: dict[str, object] = {}
        self._view: ModemView | None = None
        self._sim: Sim | None = None
        self._full = False
        self._paths: dict[int, str] = {}
        """SMS that were told of, by their number."""
        self._partial: dict[str, float] = {}
        """SMS that wait for parts, and since when; by a clock that only grows."""
        self._outgoing: dict[str, int] = {}
        """SMS that are being sent, and their references."""
        self._asked: set[int] = set()

    def end(self) -> None:
        """Let `events` end: another listener has the modem now."""
        self._ended = True
        self._bus.signals.put_nowait(None)

    async def events(self) -> AsyncIterator[ModemEvent]:
        """Yield what the modem tells, the SIM first; ends when the modem goes."""
        with suppress(ModemGoneError):
            self._modem = dict(await self._properties(self._path, MODEM))
            await self._look_at_sim()
            while not self._ended:
                while self._out:
                    yield self._out.popleft()
                signal = await next_within(self._clock, self._look_s, self._bus.signals)
                if signal is not None:
                    await self._hear(signal)
                elif not self._bus.connected:
                    return
                await self._show_partial()

    async def send(self, ref: int, to: str, words: str) -> None:
        """Hand over an SMS.

        Raises:
            ModemGoneError: the modem vanished; the book knows what it was given.
        """
        if self._readable and self._book.get(ref) is not None:
            await self._answer(ref)
            return
        if not self._readable or not can_be_sent(to, words) or not await self._registered():
            self._say(SmsSent(ref=ref, state="failed"))
            return
        try:
            path = await self._create(to, words)
        except _OPEN as error:
            self._note_room(error)
            self._say(SmsSent(ref=ref, state="failed"))
            return
        entry = HandedSms(ref=ref, to=to, place=self._place(path), state=_HANDING, at=self._clock.wall())
        self._book.put(entry)
        await self._send_off(entry, path)

    async def ask(self, ref: int) -> None:
        """Ask what became of a reference; while there is no SIM to ask, it waits for one."""
        if self._readable:
            await self._answer(ref)
        else:
            self._asked.add(ref)

    async def delete(self, index: int) -> None:
        """Delete an SMS that was told of.

        Raises:
            ModemGoneError: the modem vanished, or keeps it: it will tell of it again.
        """
        path = self._paths.get(index)
        if path is not None:
            await self._delete(path)
            self._paths.pop(index, None)

    # ---- hearing ----

    async def _hear(self, signal: Signal) -> None:
        match signal:
            case Signal(member="NameOwnerChanged", body=(str(name), _, str(owner))) if name == SERVICE:
                if owner != self._bus.owner:
                    self.end()
            case Signal(interface=interface, member="InterfacesRemoved", body=(str(path), list(gone))) if (
                interface == OBJECT_MANAGER
            ):
                if path == self._path and MODEM in gone:
                    self.end()
            case Signal(interface=interface, member="Added", path=path, body=(str(sms), *_)) if (
                interface == MESSAGING and path == self._path
            ):
                await self._look_at_sms(sms)
            case Signal(interface=interface, member="PropertiesChanged", path=path, body=(str(of), dict(now), *_)) if (
                interface == PROPERTIES
            ):
                await self._changed(path, of, now)
            case _:
                pass

    async def _changed(self, path: str, interface: str, now: Mapping[str, object]) -> None:
        if path == self._path and interface == MODEM:
            self._modem |= now
            await self._look_at_sim()
        elif self._view is not None and path == self._view.sim_path:
            await self._look_at_sim()
        elif path in self._partial:
            await self._look_at_sms(path)
        elif path in self._outgoing and now.get("State") == SmsState.SENT:
            await self._answer(self._outgoing.pop(path))

    # ---- the SIM ----

    @property
    def _readable(self) -> bool:
        return self._sim is not None and self._sim.present and not self._sim.locked

    async def _look_at_sim(self) -> None:
        view = view_of(self._modem)
        if not view.known:
            return  # being set up, or broken: says nothing of the SIM
        self._view = view
        sim = await self._read_sim(view)
        if sim is None or sim == self._sim:
            return
        read_before = self._readable
        same_sim = self._sim is not None and (self._sim.imsi, self._sim.iccid) == (sim.imsi, sim.iccid)
        self._sim = sim
        self._say(sim)
        if self._readable and not (read_before and same_sim):
            await self._tell_all()

    async def _read_sim(self, view: ModemView) -> Sim | None:
        if not view.present:
            return replace(_NO_SIM, enabled=view.enabled)
        try:
            sim = await self._properties(view.sim_path, SIM)
        except BusRefusal:
            return None  # it was taken out in this moment: the next signal says so
        if view.locked:
            return replace(
                _NO_SIM, present=True, locked=True, iccid=text(sim.get("SimIdentifier")), enabled=view.enabled
            )
        numbers = self._modem.get("OwnNumbers")
        own = numbers[0] if isinstance(numbers, list) and numbers else None
        return Sim(
            present=True,
            locked=False,
            imsi=text(sim.get("Imsi")),
            iccid=text(sim.get("SimIdentifier")),
            number=own if isinstance(own, str) and own else None,
            operator=text(sim.get("OperatorName")),
            enabled=view.enabled,
        )

    async def _tell_all(self) -> None:
        self._paths.clear()
        with suppress(*_OPEN):
            for path in await self._bus.call(self._path, MESSAGING, "List"):
                await self._look_at_sms(path)
        asked, self._asked = self._asked, set()
        for ref in sorted(asked):
            await self._answer(ref)

    async def _registered(self) -> bool:
        """Ask whether the network is there now: a signal about it may still wait to be heard."""
        try:
            return view_of(await self._properties(self._path, MODEM)).registered
        except BusRefusal as error:
            raise ModemGoneError("the modem is gone") from error

    # ---- what comes in ----

    async def _look_at_sms(self, path: str) -> None:
        try:
            sms = sms_of(await self._properties(path, SMS))
        except BusRefusal:
            return  # deleted in this moment
        if sms.report:
            await self._take_report(path, sms)
        elif sms.incoming and sms.state == SmsState.RECEIVING:
            self._partial.setdefault(path, self._clock.monotonic())
        elif sms.incoming and sms.state == SmsState.RECEIVED:
            self._partial.pop(path, None)
            self._tell(path, sms)

    def _tell(self, path: str, sms: StoredSms) -> None:
        index = _index(path)
        if self._paths.get(index) == path:
            return
        self._paths[index] = path
        what = meaning(sender=sms.number, text=sms.text, data=sms.data, flash=sms.flash)
        self._say(IncomingSms(index=index, sender=what.sender, text=what.text, sent_at=sms.sent_at, kind=what.kind))

    async def _show_partial(self) -> None:
        """Say that parts have been missing for long. ModemManager gives none of them away, so they stay with it."""
        now = self._clock.monotonic()
        for path in [path for path, since in self._partial.items() if now - since >= PATIENCE_S]:
            self._partial[path] = float("inf")
            with suppress(BusRefusal):
                sms = sms_of(await self._properties(path, SMS))
                what = meaning(sender=sms.number, text=sms.text, missing=1)
                self._say(
                    IncomingSms(
                        index=_index(path),
                        sender=what.sender,
                        text=what.text,
                        sent_at=sms.sent_at,
                        kind=what.kind,
                        stays=True,
                    )
                )

    async def _take_report(self, path: str, report: StoredSms) -> None:
        entry = self._book.reported(report.network_ref, report.number)
        if entry is not None and report.outcome is not None:
            self._book.put(replace(entry, state=report.outcome))
            self._say(SmsSent(ref=entry.ref, state=report.outcome))
        with suppress(*_OPEN):
            await self._bus.call(self._path, MESSAGING, "Delete", "o", path)

    # ---- what goes out ----

    async def _create(self, to: str, words: str) -> str:
        values = {"number": ("s", to), "text": ("s", words), "delivery-report-request": ("b", True)}
        return str(await self._bus.call(self._path, MESSAGING, "Create", "a{sv}", variants(values)))

    async def _send_off(self, entry: HandedSms, path: str) -> None:
        self._outgoing[path] = entry.ref
        try:
            await self._bus.call(path, SMS, "Send", within_s=_SEND_S)
        except BusRefusal as error:
            self._note_room(error)
            self._outgoing.pop(path, None)
            if refused(error.name):
                await self._drop(entry, path)
                self._say(SmsSent(ref=entry.ref, state="failed"))
            else:
                self._cannot_say(entry)
        except NoAnswerError:
            pass  # still under way: its object will say so
        else:
            self._outgoing.pop(path, None)
            await self._answer(entry.ref)

    async def _answer(self, ref: int) -> None:
        entry = self._book.get(ref)
        if entry is None:
            self._say(SmsSent(ref=ref, state="unknown"))
        elif entry.state != _HANDING:
            self._say(SmsSent(ref=ref, state=entry.state))
        else:
            await self._settle(entry)

    async def _settle(self, entry: HandedSms) -> None:
        """Find out what became of an SMS from its object, if ModemManager still is the one that it was given to."""
        path = entry.place.rpartition(" ")[2]
        if path in self._outgoing:
            return  # `Send` is still running here, and will say
        sms = None
        if entry.place == self._place(path):
            with suppress(BusRefusal):
                sms = sms_of(await self._properties(path, SMS))
        if sms is None:
            self._cannot_say(entry)
            return
        match sms.state:
            case SmsState.SENT:
                self._book.put(replace(entry, state="sent", network_ref=sms.network_ref))
                self._say(SmsSent(ref=entry.ref, state="sent"))
            case SmsState.SENDING:
                self._outgoing[path] = entry.ref
            case _:
                await self._drop(entry, path)
                self._say(SmsSent(ref=entry.ref, state="unknown"))

    async def _drop(self, entry: HandedSms, path: str) -> None:
        """Take back an SMS that was never sent."""
        with suppress(*_OPEN):
            await self._bus.call(self._path, MESSAGING, "Delete", "o", path)
        self._book.forget(entry.ref)

    def _cannot_say(self, entry: HandedSms) -> None:
        self._book.put(replace(entry, state="cannot-say"))
        self._say(SmsSent(ref=entry.ref, state="cannot-say"))

    def _note_room(self, error: BusRefusal | NoAnswerError) -> None:
        full = isinstance(error, BusRefusal) and storage_full(error.name)
        if full != self._full:
            self._full = full
            self._say(Storage(full=full))

    # ---- the bus ----

    def _place(self, path: str) -> str:
        return f"{self._bus.run} {self._bus.owner} {path}"

    async def _delete(self, path: str) -> None:
        try:
            await self._bus.call(self._path, MESSAGING, "Delete", "o", path)
        except NoAnswerError as error:
            raise ModemGoneError("the modem does not delete an SMS") from error
        except BusRefusal as error:
            if not error.name.endswith((".NotFound", ".UnknownObject", ".UnknownMethod")):
                raise ModemGoneError("the modem does not delete an SMS") from error

    async def _properties(self, path: str, interface: str) -> Mapping[str, object]:
        try:
            found: Mapping[str, object] = await self._bus.call(path, PROPERTIES, "GetAll", "s", interface)
        except NoAnswerError as error:
            raise ModemGoneError("ModemManager does not answer") from error
        return found

    def _say(self, event: ModemEvent) -> None:
        self._out.append(event)
        self._bus.signals.put_nowait(None)


def _index(path: str) -> int:
    """Return an SMS object's number: ModemManager counts them up while it runs."""
    tail = path.rpartition("/")[2]
    return int(tail) if tail.isascii() and tail.isdigit() else 0
