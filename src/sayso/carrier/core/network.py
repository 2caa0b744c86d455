"""The network: what phones, gateways and operators do to it, and what follows.

After every event what is due is settled, so an SMS never waits for
anything but time, a phone, coverage, a SIM, or room.
"""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from sayso.carrier.core import events as ev
from sayso.carrier.core.commands import CloseModem, Command, OpenModem
from sayso.carrier.core.identity import make_iccid, make_imei, make_imsi
from sayso.carrier.core.ledger import Ledger
from sayso.carrier.core.limits import LIMITS, NetworkLimits
from sayso.carrier.core.radio import Radio, received
from sayso.carrier.core.records import Conditions, Message, Modem, Outgoing, Record, SentRef, Sim
from sayso.carrier.core.segments import count_parts
from sayso.carrier.core.smsc import Smsc, check_recipient, check_sender
from sayso.carrier.errors import (
    BadValueError,
    NameTakenError,
    NoSuchModemError,
    NoSuchSimError,
    NumberTakenError,
    RefusedError,
)
from sayso.protocol import modem as wire


class Network:
    """Events in, commands out. All that it knows is in its records, but for which phones are attached."""

    def __init__(self, records: Iterable[Record] = (), *, random: Random, limits: NetworkLimits = LIMITS) -> None:
        self._limits = limits
        self._random = random
        self._ledger = Ledger(records)
        self._smsc = Smsc(self._ledger, limits, random)
        self._doors: list[Command] = []
        self._radio = Radio(self._ledger)

    def handle(self, event: ev.Event, now: float) -> list[Command]:
        """Take one event and settle what is due.

        Args:
            event: What happened.
            now: Unix time in seconds.

        Returns:
            Saves and forgets first, to be made durable together before any of the commands after them.

        Raises:
            RefusedError: The event asks for what cannot be; nothing has changed.
        """
        self._take(event, now)
        self._settle(now)
        doors, self._doors = self._doors, []
        return [*self._ledger.drain(), *self._radio.drain(), *doors]

    def next_due(self) -> float | None:
        """Return the Unix time in seconds when a Tick will do something, perhaps past; None if only an event can."""
        due = self._smsc.next_due(self._radio.is_reachable)
        waiting = [
            next(iter(queue.values())).due_at
            for name, queue in self._ledger.outgoing.items()
            if queue and self._radio.is_registered(self._ledger.sims[name])
        ]
        return min((time for time in (due, *waiting) if time is not None), default=None)

    @property
    def modems(self) -> list[str]:
        """Names of all modems."""
        return list(self._ledger.modems)

    @property
    def conditions(self) -> Conditions:
        """How well the network works now."""
        return self._ledger.conditions

    @property
    def queued(self) -> int:
        """How many SMS the network has accepted and neither delivered nor given up."""
        return self._smsc.queued

    def sims(self) -> list[tuple[Sim, Modem | None, bool, int]]:
        """Return each SIM, its modem, whether a phone is attached there, and how many SMS it stores."""
        return [
            (
                sim,
                None if sim.modem is None else self._ledger.modems[sim.modem],
                self._radio.is_attached(sim.modem),
                len(self._ledger.stored[sim.name]),
            )
            for sim in self._ledger.sims.values()
        ]

    def journal(self, *, after: int = 0) -> list[Message]:
        """Return the SMS that the network has accepted, in that order, from ids above `after` on."""
        return [message for message in self._ledger.messages.values() if message.id > after]

    def _take(self, event: ev.Event, now: float) -> None:  # noqa: C901, PLR0912  one line per event is the clearest form
        match event:
            case ev.PhoneAttached(modem):
                self._require_modem(modem)
                self._radio.attach(modem)
            case ev.PhoneDetached(modem):
                self._radio.detach(modem)
            case ev.PhoneAsked(modem, frame):
                self._from_phone(self._require_modem(modem), frame, now)
            case ev.Submitted(sender, to, text):
                self._submit(sender, to, text, now)
            case ev.Inject():
                self._submit(event.sender, (event.to,), event.text, now)
            case ev.Tick():
                pass
            case ev.AddSim():
                self._add_sim(event)
            case ev.AddModem():
                if event.name in self._ledger.modems:
                    raise NameTakenError("there is a modem of this name already")
                self._add_modem(event.name)
            case ev.RemoveSim():
                self._eject(self._require_sim(event.name))
            case ev.InsertSim():
                self._insert(self._require_sim(event.name), self._require_modem(event.modem or event.name))
            case ev.LockSim():
                sim = replace(self._require_sim(event.name), locked=event.on)
                self._ledger.put(sim)
                self._radio.announce(sim.modem)
            case ev.RetireSim():
                self._retire(self._require_sim(event.name))
            case ev.RemoveModem():
                self._remove_modem(self._require_modem(event.name))
            case ev.SetCoverage():
                self._ledger.put(replace(self._require_modem(event.name), coverage=event.on))
                self._radio.announce_coverage(event.name)
            case _:
                self._ledger.put(_changed(self._ledger.conditions, event))

    # ---- what phones say ----

    def _from_phone(
        self, modem: Modem, frame: wire.SendSms | wire.ListSms | wire.DeleteSms | wire.AskSent, now: float
    ) -> None:
        sim = self._radio.sim_in(modem.name)
        readable = sim if sim is not None and not sim.locked else None
        match frame:
            case wire.SendSms():
                self._send_sms(modem, sim, frame, now)
            case wire.AskSent(ref):
                known = None if readable is None else self._ledger.refs[readable.name].get(ref)
                state: wire.SentState = "unreadable" if readable is None else "unknown"
                self._radio.to_phone(modem.name, wire.SentStatus(ref, known.state if known else state))
            case wire.ListSms():
                self._radio.announce_stored(modem.name)
            case wire.DeleteSms(index):
                if readable is not None and (stored := self._ledger.stored[readable.name].get(index)) is not None:
                    self._ledger.drop(stored)

    def _send_sms(self, modem: Modem, sim: Sim | None, frame: wire.SendSms, now: float) -> None:
        if sim is not None and not sim.locked and (known := self._ledger.refs[sim.name].get(frame.ref)) is not None:
            self._radio.to_phone(modem.name, wire.SentStatus(frame.ref, known.state))
            return
        reason = "no-sim" if sim is None else self._reason_to_reject(modem, sim, frame)
        if sim is None or reason is not None:
            self._radio.to_phone(modem.name, wire.SmsRejected(frame.ref, reason or "no-sim"))
            return
        ref = SentRef(
            serial=self._ledger.serial(),
            sim=sim.name,
            ref=frame.ref,
            state="pending",
            wants_report=frame.delivery_report,
        )
        self._remember(ref)
        self._ledger.put(
            Outgoing(
                serial=self._ledger.serial(),
                sim=sim.name,
                ref=frame.ref,
                to=frame.to,
                text=frame.text,
                due_at=now + self._ledger.conditions.submit_delay_s,
            )
        )

    def _reason_to_reject(self, modem: Modem, sim: Sim, frame: wire.SendSms) -> wire.RejectReason | None:
        if sim.locked:
            return "sim-locked"
        if not modem.coverage:
            return "no-coverage"
        reason: wire.RejectReason = "bad-number"
        try:
            check_recipient(frame.to)
            reason = "bad-text"
            count_parts(frame.text)
            reason = "queue-full"
            self._require_room(1)
        except RefusedError:
            return reason
        return "queue-full" if len(self._ledger.outgoing[sim.name]) >= self._limits.outgoing_per_sim else None

    def _remember(self, ref: SentRef) -> None:
        refs = self._ledger.refs[ref.sim]
        if len(refs) >= self._limits.remembered_refs_per_sim:
            self._ledger.drop(next(old for old in refs.values() if old.state != "pending"))
        self._ledger.put(ref)

    # ---- what gateways and operators want ----

    def _submit(self, sender: str, to: tuple[str, ...], text: str, now: float) -> None:
        check_sender(sender)
        for number in to:
            check_recipient(number)
        count_parts(text)
        self._require_room(len(to))
        for number in to:
            self._smsc.accept(sender=sender, to=number, text=text, origin=None, now=now)

    def _require_room(self, count: int) -> None:
        self._smsc.require_room(count + sum(len(queue) for queue in self._ledger.outgoing.values()))

    def _add_sim(self, wish: ev.AddSim) -> None:
        if wish.name in self._ledger.sims:
            raise NameTakenError("there is a SIM of this name already")
        if wish.number in self._ledger.sim_of_number:
            raise NumberTakenError("another SIM has this number; retire it first")
        if len(self._ledger.sims) >= self._limits.sims:
            raise BadValueError(f"the network has room for {self._limits.sims} SIMs")
        if wish.name not in self._ledger.modems:
            self._add_modem(wish.name)
        sim = Sim(
            name=wish.name,
            number=wish.number,
            imsi=make_imsi(self._random),
            iccid=make_iccid(self._random),
            tells_number=wish.tells_number,
        )
        self._insert(sim, self._ledger.modems[wish.name])

    def _add_modem(self, name: str) -> None:
        if len(self._ledger.modems) >= self._limits.modems:
            raise BadValueError(f"the network has room for {self._limits.modems} modems")
        self._ledger.put(Modem(name=name, imei=make_imei(self._random)))
        self._doors.append(OpenModem(name))

    def _remove_modem(self, modem: Modem) -> None:
        if (sim := self._radio.sim_in(modem.name)) is not None:
            self._eject(sim)
        self._radio.detach(modem.name)
        self._ledger.drop(modem)
        self._doors.append(CloseModem(modem.name))

    def _insert(self, sim: Sim, modem: Modem) -> None:
        if sim.modem == modem.name:
            return
        if (other := self._radio.sim_in(modem.name)) is not None:
            self._ledger.put(replace(other, modem=None))
        left = sim.modem
        self._ledger.put(replace(sim, modem=modem.name))
        self._radio.announce(left)
        self._radio.announce(modem.name)

    def _eject(self, sim: Sim) -> None:
        self._ledger.put(replace(sim, modem=None))
        self._radio.announce(sim.modem)

    def _retire(self, sim: Sim) -> None:
        owned: list[Record] = [*self._ledger.stored[sim.name].values()]
        owned += self._ledger.outgoing[sim.name].values()
        owned += self._ledger.refs[sim.name].values()
        for record in owned:
            self._ledger.drop(record)
        self._ledger.drop(sim)
        self._radio.announce(sim.modem)

    # ---- what follows ----

    def _settle(self, now: float) -> None:
        for name in list(self._ledger.outgoing):
            if self._ledger.outgoing[name] and self._radio.is_registered(self._ledger.sims[name]):
                self._transmit(self._ledger.sims[name], now)
        for settled in self._smsc.settle(now, self._radio.is_reachable):
            for stored in settled.stored:
                self._radio.to_phone(self._ledger.sims[stored.sim].modem, received(stored))
            self._report(settled.message)

    def _transmit(self, sim: Sim, now: float) -> None:
        for outgoing in list(self._ledger.outgoing[sim.name].values()):
            if outgoing.due_at > now:
                break  # those behind wait with it, so that order is kept while the delay changes
            self._ledger.drop(outgoing)
            self._ledger.put(replace(self._ledger.refs[sim.name][outgoing.ref], state="sent"))
            origin = (sim.name, outgoing.ref)
            self._smsc.accept(sender=sim.number, to=outgoing.to, text=outgoing.text, origin=origin, now=now)
            self._radio.to_phone(sim.modem, wire.SmsAccepted(outgoing.ref))

    def _report(self, message: Message) -> None:
        if message.origin is None:
            return
        sim_name, ref = message.origin
        known = self._ledger.refs[sim_name].get(ref) if sim_name in self._ledger.sims else None
        if known is None:
            return
        state: wire.SentState = "delivered" if message.fate == "delivered" else "failed"
        self._ledger.put(replace(known, state=state, report_due=known.wants_report))
        self._radio.push_report(self._ledger.sims[sim_name], ref)

    def _require_sim(self, name: str) -> Sim:
        if name not in self._ledger.sims:
            raise NoSuchSimError("there is no SIM of this name; the request `sims` lists them")
        return self._ledger.sims[name]

    def _require_modem(self, name: str) -> Modem:
        if name not in self._ledger.modems:
            raise NoSuchModemError("there is no modem of this name; `add-modem` makes one")
        return self._ledger.modems[name]


def _changed(conditions: Conditions, wish: ev.SetDelay | ev.SetLoss | ev.SetDuplicate | ev.SetReorder) -> Conditions:
    match wish:
        case ev.SetDelay():
            return replace(conditions, delay_s=wish.seconds, submit_delay_s=wish.submit_seconds)
        case ev.SetLoss():
            return replace(conditions, loss=wish.probability)
        case ev.SetDuplicate():
            return replace(conditions, duplicate=wish.probability)
        case ev.SetReorder():
            return replace(conditions, reorder=wish.probability, reorder_spread_s=wish.spread_seconds)
