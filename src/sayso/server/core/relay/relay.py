"""The relay: the frames of a stream turned into live deliveries, batches for the store, and answers."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from sayso.protocol.frames import (
    Ack,
    Ask,
    Bye,
    ByeReason,
    CaughtUp,
    Collect,
    Deliver,
    Deposit,
    DepositState,
    OutcomeState,
    Part,
    Ready,
    Recall,
    Refusal,
    Refused,
    Unreadable,
    Withdraw,
    Withdrawn,
    WrongDevices,
)
from sayso.protocol.ids import DeviceId, HandleHash, envelope_id, grant_hash, handle_hash, same
from sayso.protocol.limits import LIMITS
from sayso.server.core.lines import LineTable
from sayso.server.core.model import Batch, Held, Line
from sayso.server.core.relay.books import Books
from sayso.server.core.relay.endings import Endings, answer
from sayso.server.core.relay.entries import Entry, Place, Sender, Ticket
from sayso.server.core.relay.inquiries import Inquiries
from sayso.server.core.relay.ledger import Ledger
from sayso.server.core.relay.link import Link
from sayso.server.core.relay.mailbox import Mailbox
from sayso.server.core.relay.strangers import Strangers, due

OPEN_DEPOSITS: Final = 4096
"""Unanswered deposits of one connection; beyond it the sender has to wait."""
WINDOW_BYTES: Final = 1024 * 1024
"""A window read from the store has at most this many bytes (or one envelope)."""
_DELIVER_OVERHEAD: Final = 32
_LIVE_S: Final = LIMITS.live_ack_ms / 1000


@dataclass(frozen=True, slots=True)
class Reading:
    """A window of a mailbox to read from the store and to give to `Relay.window_read`."""

    mailbox: Mailbox
    link: Link
    entries: list[Entry]


class Relay:
    """All mailboxes of one server. Not thread-safe: one event loop drives it."""

    def __init__(self, lines: LineTable, held: Held, *, on_work: Callable[[], None]) -> None:
        """Take up what the store holds.

        Args:
            lines: the enrolled lines; shared with the control plane.
            held: from `MailboxStore.load`.
            on_work: called when a batch, a reading, a question or a tick has to be taken care of; returns at once.
        """
        self.lines: Final = lines
        self.stopping = False
        self.readings: Final[deque[Reading]] = deque()
        self._on_work = on_work
        self._books: Final = Books(held)
        self._ledger: Final = Ledger(on_work)
        self._strangers: Final = Strangers()
        self._endings: Final = Endings(self._books, self._ledger)
        self.inquiries: Final = Inquiries(self._books, self._ledger, self._endings, self._strangers)
        self._live: Final[deque[tuple[float, Entry]]] = deque()
        self._renewed: Final[dict[DeviceId, float]] = {}

    # Connections

    def login(self, link: Link, device: DeviceId, *, now: float) -> Mailbox:
        """Take a device's connection after its signature has been checked; the caller knows the device is enrolled.

        Ends an older connection of the same device, renews the lease, says `Ready`, and starts the catch-up.
        """
        mailbox = self._books.mailbox(device)
        if mailbox.link is not None:
            mailbox.link.put(Bye(ByeReason.REPLACED))
            mailbox.link.end()
            self._unlink(mailbox)
        mailbox.connect(link)
        line = self._renew(device, now, if_less_than=LIMITS.lease_s)
        link.put(Ready(lease_s=LIMITS.lease_s, one_time_keys=line.one_time_keys if line else 0))
        for doubt in mailbox.doubts.values():
            link.put(Withdraw(doubt.envelope_id))
        self._pump(mailbox)
        return mailbox

    def logout(self, link: Link, device: DeviceId) -> None:
        """Note that a connection is gone. What was live on it goes to the mailbox, born handed."""
        mailbox = self._books.mailboxes.get(device)
        if mailbox is not None and mailbox.link is link:
            self._unlink(mailbox)
            self._books.tidy(mailbox)

    def resume(self, mailbox: Mailbox) -> None:
        """Note that a congested connection reads again."""
        self._pump(mailbox)

    # Frames

    def deposit(self, sender: Sender, frame: Deposit, *, now: float) -> None:
        """Take envelopes for the devices of a line, or say why not. Answered at once or later, exactly once."""
        link = sender.link
        if link is None:
            return
        line = self.lines.addressable(frame.token, now=now)
        granted = line is not None and bool(frame.grant) and same(grant_hash(frame.grant), line.grant_hash)
        refusal = self._refusal(sender, frame)
        if refusal is not None:
            link.put(Refused(frame.ref, refusal))
        elif line is None or (line.hidden and not granted):
            link.put(Refused(frame.ref, Refusal.NOT_ENROLLED))
        elif (wrong := _wrong_devices(line, frame)) is not None:
            link.put(wrong)
        elif (refusal := self._no_room(frame, granted=granted)) is not None:
            link.put(Refused(frame.ref, refusal))
        else:
            self._take(sender, frame, line, now=now, granted=granted)

    def ack(self, mailbox: Mailbox, frame: Ack, *, now: float) -> None:
        """Take a device's word that it has stored an envelope, or cannot use it. Unknown ids are old news."""
        shown = frame.code == Unreadable.SHOWN
        state = OutcomeState.DELIVERED if shown else OutcomeState.UNREADABLE
        entry = mailbox.find(frame.envelope_id)
        if entry is not None:
            self._endings.device_says(mailbox, entry, state, now=now)
            if mailbox.unsent or not mailbox.caught_up:
                self._pump(mailbox)
            return
        doubt = mailbox.doubts.get(frame.envelope_id)
        if doubt is not None:
            self._endings.resolve(doubt, state if shown else doubt.refused_means, now=now)

    def withdrawn(self, mailbox: Mailbox, frame: Withdrawn, *, now: float) -> None:
        """Take a device's answer about a withdrawn envelope."""
        doubt = mailbox.doubts.get(frame.envelope_id)
        if doubt is not None:
            self._endings.resolve(doubt, OutcomeState.DELIVERED if frame.had_it else doubt.refused_means, now=now)

    def recall(self, sender: Sender, frame: Recall) -> None:
        """Take an envelope back; see `Inquiries`."""
        self.inquiries.recall(sender, frame)

    def ask(self, sender: Sender, frame: Ask) -> None:
        """Say what became of an envelope; see `Inquiries`."""
        self.inquiries.ask(sender, frame)

    def collect(self, frame: Collect) -> None:
        """Forget an outcome that its sender knows."""
        self._ledger.collect(handle_hash(frame.handle))

    # What the loop drives

    def take_batch(self) -> Batch | None:
        """Return the next batch to commit; None while one is away, or when there is none."""
        return self._ledger.take()

    def committed(self, *, now: float) -> None:
        """The batch that was taken is durable."""
        entries, actions = self._ledger.committed()
        touched: dict[bytes, Mailbox] = {}
        for entry in entries:
            mailbox = touched[entry.device] = self._books.mailbox(entry.device)
            self._stored(mailbox, entry, now=now)
        for action in actions:
            action()
        for mailbox in touched.values():
            self._pump(mailbox)

    def failed(self, *, now: float) -> None:
        """Nothing of the batch that was taken was stored (no space): its deposits are refused, the rest tried again."""
        for entry in self._ledger.failed():
            mailbox = self._books.mailbox(entry.device)
            entry.place = Place.QUEUED
            if entry.verdict is not None:
                self._endings.conclude(mailbox, entry, entry.verdict, now=now)
            elif entry.handed:
                self._ledger.queue(entry)  # the device has it, or had it in its hands: it cannot be refused any more
            else:
                self._endings.refuse(mailbox, entry)

    def window_read(self, reading: Reading, rows: Iterable[tuple[int, bytes]]) -> None:
        """Send a window that was read. Envelopes that are missing from `rows` are damaged and stay for the operator."""
        mailbox, link = reading.mailbox, reading.link
        if mailbox.link is not link:
            for entry in reading.entries:
                entry.envelope = None
            return
        mailbox.reading = False
        bodies = dict(rows)
        for entry in reading.entries:
            body = bodies.get(entry.seq)
            if entry.place is not Place.STORED:
                continue
            if body is None:
                mailbox.behind.discard(entry.envelope_id)
                continue
            link.put(Deliver(entry.envelope_id, body), len(body) + _DELIVER_OVERHEAD)
            mailbox.sent(entry, link)
        self._pump(mailbox)

    def tick(self, *, now: float) -> None:
        """Move live envelopes whose time is over to the mailbox, and release answers that wait for the grid."""
        live = self._live
        while live and live[0][0] <= now:
            entry = live.popleft()[1]
            if entry.place is Place.LIVE:
                self._spill(self._books.mailbox(entry.device), entry)
        for ticket in self._strangers.release(now):
            answer(ticket, DepositState.ACCEPTED)

    def next_tick(self) -> float | None:
        """When `tick` has something to do (running seconds); None while there is nothing."""
        live = self._live
        while live and live[0][1].place is not Place.LIVE:
            live.popleft()
        stranger = self._strangers.next_due
        if not live:
            return stranger
        return live[0][0] if stranger is None else min(live[0][0], stranger)

    def sweep(self, *, now: float) -> None:
        """End custody where its time is over, forget old outcomes, renew leases of connected devices. Once a minute."""
        for mailbox in list(self._books.mailboxes.values()):
            for entry in [e for e in mailbox.waiting.values() if e.expires <= now and e.place is Place.STORED]:
                if entry.handed:
                    self._endings.put_in_doubt(mailbox, entry, OutcomeState.EXPIRED, now=now)
                else:
                    self._endings.conclude(mailbox, entry, OutcomeState.EXPIRED, now=now)
            for doubt in [d for d in mailbox.doubts.values() if d.expires <= now]:
                self._endings.resolve(doubt, OutcomeState.UNKNOWN, now=now)
            if mailbox.link is not None:
                self._renew(mailbox.device, now, if_less_than=LIMITS.lease_s - LIMITS.lease_renew_s)
            self._books.tidy(mailbox)

    def forget_old_outcomes(self, *, now: float) -> None:
        """Forget outcomes that nobody collected in 14 days."""
        self._ledger.forget_before(now - LIMITS.outcome_kept_s)

    def take_renewed(self) -> dict[DeviceId, float]:
        """Return the leases that were renewed since the last call, for the directory."""
        renewed = dict(self._renewed)
        self._renewed.clear()
        return renewed

    def stop(self) -> None:
        """Stop taking deposits and queue what is live for the store, so that a graceful stop loses nothing."""
        self.stopping = True
        for mailbox in list(self._books.mailboxes.values()):
            for entry in list(mailbox.live.values()):
                self._spill(mailbox, entry)

    def when_durable(self, action: Callable[[], None]) -> None:
        """Do something once all that was taken so far is durable."""
        self._ledger.then(action)

    def say_bye(self, reason: ByeReason) -> None:
        """Close all streams, after what is queued on them."""
        for mailbox in list(self._books.mailboxes.values()):
            if mailbox.link is not None:
                mailbox.link.put(Bye(reason))
                mailbox.link.end()

    # What the control plane says

    def end_custody(self, device: DeviceId, state: OutcomeState, *, now: float, done: Callable[[], None]) -> None:
        """An enrolment is over: close its stream, empty its mailbox, write the outcomes; `done` when durable.

        An envelope that has left towards the device gets `UNKNOWN`: nobody is there any more to ask.
        """
        self.lines.remove(device)
        self._renewed.pop(device, None)
        mailbox = self._books.mailboxes.get(device)
        if mailbox is not None:
            if mailbox.link is not None:
                mailbox.link.put(Bye(ByeReason.WITHDRAWN))
                mailbox.link.end()
                self._unlink(mailbox)
            for entry in list(mailbox.waiting.values()):
                verdict = OutcomeState.UNKNOWN if entry.handed else state
                if entry.place is Place.WRITING:
                    entry.verdict = verdict
                else:
                    self._endings.conclude(mailbox, entry, verdict, now=now)
            for doubt in list(mailbox.doubts.values()):
                self._endings.resolve(doubt, OutcomeState.UNKNOWN, now=now)
        # Twice: an envelope that was being written is settled by the batch after the one that is away.
        self._ledger.then(partial(self._ledger.then, done))

    def holdings(self, device: DeviceId) -> tuple[int, int]:
        """Return how many envelopes wait for a device, and their bytes."""
        mailbox = self._books.mailboxes.get(device)
        return (0, 0) if mailbox is None else (len(mailbox.waiting), mailbox.bytes_held)

    def counts(self) -> dict[str, int]:
        """Return counts for operators: nothing that tells lines apart."""
        mailboxes = self._books.mailboxes.values()
        return {
            "lines": len(self.lines),
            "connected": sum(mailbox.link is not None for mailbox in mailboxes),
            "waiting": sum(len(mailbox.waiting) for mailbox in mailboxes),
            "in_doubt": len(self._books.doubts),
        }

    # Taking

    def _refusal(self, sender: Sender, frame: Deposit) -> Refusal | None:
        if self.stopping:
            return Refusal.STOPPING
        if not LIMITS.ttl_min_s <= frame.ttl_s <= LIMITS.ttl_max_s:
            return Refusal.TTL
        if sender.open_tickets >= OPEN_DEPOSITS or self._ledger.is_full:
            return Refusal.TOO_MANY
        return None

    def _no_room(self, frame: Deposit, *, granted: bool) -> Refusal | None:
        books = self._books
        for part in frame.parts:
            known = books.handles.get(part.handle_hash)
            if known is not None or part.handle_hash in books.doubts:
                if known is None or known.envelope_id != envelope_id(part.envelope):
                    return Refusal.HANDLE_USED
            elif books.mailbox(DeviceId(part.device)).is_full(len(part.envelope), granted=granted):
                return Refusal.MAILBOX_FULL
        return None

    def _take(self, sender: Sender, frame: Deposit, line: Line, *, now: float, granted: bool) -> None:
        ticket = Ticket(sender, frame.ref, len(frame.parts), granted=granted, due=0.0 if granted else due(now))
        sender.open_tickets += 1
        if not granted:
            self._strangers.add(ticket)
            self._on_work()
        expires = min(now + frame.ttl_s, line.lease_ends)
        for part in frame.parts:
            mailbox = self._books.mailbox(DeviceId(part.device))
            eid = envelope_id(part.envelope)
            known = mailbox.find(eid)
            if known is None:
                entry = Entry(
                    seq=self._books.next_seq(),
                    device=mailbox.device,
                    envelope_id=eid,
                    handle_hash=HandleHash(part.handle_hash),
                    deposited=now,
                    expires=expires,
                    size=len(part.envelope),
                    granted=granted,
                    envelope=part.envelope,
                    place=Place.LIVE,
                )
                entry.origin = sender
                entry.tickets = [ticket]
                self._books.handles[part.handle_hash] = entry
                self._dispatch(mailbox, entry, part)
            elif known.place is Place.STORED:
                self._endings.part_done(ticket, delivered=False)
            else:
                known.tickets = [*(known.tickets or []), ticket]
                known.origin = sender

    def _dispatch(self, mailbox: Mailbox, entry: Entry, part: Part) -> None:
        link = mailbox.link
        if link is not None and mailbox.takes_live():
            mailbox.add_live(entry, link)
            link.put(Deliver(entry.envelope_id, part.envelope), entry.size + _DELIVER_OVERHEAD)
            if not self._live:
                self._on_work()
            self._live.append((entry.deposited + _LIVE_S, entry))
        else:
            mailbox.add_waiting(entry)
            self._ledger.queue(entry)

    def _stored(self, mailbox: Mailbox, entry: Entry, *, now: float) -> None:
        """An envelope has become durable: answer its deposits, and do what was asked for meanwhile."""
        tickets, entry.tickets = entry.tickets, None
        for ticket in tickets or ():
            self._endings.part_done(ticket, delivered=False)
        recalls, entry.recalls = entry.recalls, None
        if entry.verdict is not None:
            self._endings.conclude(mailbox, entry, entry.verdict, now=now)
        elif recalls:
            self.inquiries.recall_stored(entry, recalls[0], now=now)
            for question in recalls[1:]:
                self.inquiries.answer(question, None, now=now)
        elif mailbox.link is not None and entry.sent_on is not mailbox.link:
            mailbox.to_send(entry)
        else:
            entry.envelope = None

    def _spill(self, mailbox: Mailbox, entry: Entry) -> None:
        """Move a live envelope to the mailbox; it was handed."""
        mailbox.spill(entry)
        self._ledger.queue(entry)

    def _unlink(self, mailbox: Mailbox) -> None:
        for entry in list(mailbox.live.values()):
            self._spill(mailbox, entry)
        mailbox.disconnect()

    # Sending

    def _pump(self, mailbox: Mailbox) -> None:
        """Send what is stored as far as the window allows; first the watermark, then the bytes, then the wire."""
        link = mailbox.link
        if link is None or mailbox.reading or mailbox.unwritten or link.congested:
            return
        if not mailbox.unsent:
            if not mailbox.caught_up and not mailbox.behind:
                mailbox.caught_up = True
                link.put(CaughtUp())
            return
        entries = mailbox.next_window(max_bytes=WINDOW_BYTES)
        if not entries:
            return
        mailbox.reading = True
        reading = Reading(mailbox, link, entries)
        fresh = [entry.seq for entry in entries if not entry.handed]
        for entry in entries:
            entry.handed = True  # from now on a recall has to ask the device
        if fresh:
            self._ledger.mark_handed(mailbox.device, max(fresh))
            self._ledger.then(partial(self._read, reading))
        else:
            self._read(reading)

    def _read(self, reading: Reading) -> None:
        in_memory = [(entry.seq, entry.envelope) for entry in reading.entries if entry.envelope is not None]
        if len(in_memory) == len(reading.entries) or reading.mailbox.link is not reading.link:
            self.window_read(reading, in_memory)
        else:
            self.readings.append(reading)
            self._on_work()

    def _renew(self, device: DeviceId, now: float, *, if_less_than: float) -> Line | None:
        line = self.lines.by_device(device)
        if line is not None and line.lease_ends < now + if_less_than:
            line.lease_ends = now + LIMITS.lease_s
            self._renewed[line.device] = line.lease_ends
        return line


def _wrong_devices(line: Line, frame: Deposit) -> WrongDevices | None:
    """Return what is wrong with a deposit's list of devices, if anything."""
    named = {part.device for part in frame.parts}
    extra = [device for device in named if device != line.device]
    missing = [] if line.device in named else [line.device]
    stale = [p.device for p in frame.parts if p.device == line.device and p.envelope_key not in line.envelope_keys]
    if not (extra or missing or stale) and len(named) == len(frame.parts):
        return None
    return WrongDevices(frame.ref, list(missing), extra, stale)
