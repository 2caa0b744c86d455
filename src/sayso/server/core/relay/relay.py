"""The relay: the frames of a stream turned into live deliveries, batches for the store, and answers."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sayso.protocol.frames import (
    Ack,
    Ask,
    Bye,
    ByeReason,
    Collect,
    Deposit,
    DepositState,
    OutcomeState,
    Ready,
    Recall,
    Unreadable,
    Withdrawn,
)
from sayso.protocol.ids import DeviceId, handle_hash
from sayso.protocol.limits import LIMITS
from sayso.server.core.lines import Line, LineTable
from sayso.server.core.model import Batch, Held
from sayso.server.core.relay.books import Books
from sayso.server.core.relay.delivery import Delivery, Reading
from sayso.server.core.relay.deposits import Deposits
from sayso.server.core.relay.endings import Endings, answer
from sayso.server.core.relay.entries import Place, Sender
from sayso.server.core.relay.inquiries import Inquiries
from sayso.server.core.relay.ledger import Ledger
from sayso.server.core.relay.link import Link
from sayso.server.core.relay.mailbox import Mailbox
from sayso.server.core.relay.moving import Moving, Released
from sayso.server.core.relay.notices import Notices
from sayso.server.core.relay.strangers import Strangers

_SHOWN: Final = Unreadable.SHOWN
_DELIVERED: Final = OutcomeState.DELIVERED


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
        self._books: Final = Books(held)
        self._ledger: Final = Ledger(on_work)
        self._strangers: Final = Strangers()
        self._endings: Final = Endings(self._books, self._ledger, self._strangers)
        self.inquiries: Final = Inquiries(self._books, self._ledger, self._endings)
        self._delivery: Final = Delivery(self._books, self._ledger, self._endings, on_work=on_work)
        self._deposits: Final = Deposits(
            lines, self._books, self._ledger, self._endings, self._strangers, self._delivery, on_work=on_work
        )
        self._moving: Final = Moving(self._books, self._ledger, self._delivery, self.inquiries)
        self._renewed: Final[dict[DeviceId, float]] = {}
        self._notices: Final = Notices()

    @property
    def stopping(self) -> bool:
        """Whether the relay takes nothing more."""
        return self._deposits.stopping

    @property
    def readings(self) -> deque[Reading]:
        """Windows to read from the store."""
        return self._delivery.readings

    # Connections

    def login(self, link: Link, device: DeviceId, *, now: float) -> Mailbox:
        """Take a device's connection after its signature has been checked; the caller knows the device is enrolled.

        Ends an older connection of the same device, renews the lease, says `Ready`, and starts the catch-up.
        """
        mailbox = self._books.mailbox(device)
        if mailbox.link is not None:
            mailbox.link.put(Bye(ByeReason.REPLACED))
            mailbox.link.end()
            self._delivery.unlink(mailbox)
        mailbox.connect(link)
        line = self._renew(device, now, if_less_than=LIMITS.lease_s)
        link.put(Ready(LIMITS.lease_s, line.one_time_keys if line else 0))
        self._notify(mailbox, line, now)
        for doubt in mailbox.doubts.values():
            self._endings.ask_device(doubt)
        self._delivery.pump(mailbox)
        return mailbox

    def logout(self, link: Link, device: DeviceId) -> None:
        """Note that a connection is gone. What was live on it goes to the mailbox, born handed."""
        mailbox = self._books.mailboxes.get(device)
        if mailbox is not None and mailbox.link is link:
            self._delivery.unlink(mailbox)
            self._books.tidy(mailbox)

    def resume(self, mailbox: Mailbox) -> None:
        """Note that a congested connection reads again."""
        self._delivery.pump(mailbox)

    # Frames

    def take(self, mailbox: Mailbox, sender: Sender, frames: list[Any], start: int, *, now: float) -> int:
        """Take the deposits and acknowledgements at the head of `frames[start:]`: nearly all frames that ever come.

        Returns:
            the place of the first frame that is neither; how many frames there are if all the rest are.
        """
        deposits = self._deposits
        at, count = start, len(frames)
        try:
            while at < count:
                frame = frames[at]
                if isinstance(frame, Deposit):
                    deposits.deposit(sender, frame, now=now)
                elif isinstance(frame, Ack):
                    self.ack(mailbox, frame, now=now)
                else:
                    break
                at += 1
        finally:
            deposits.forget_grant()
        return at

    def deposit(self, sender: Sender, frame: Deposit, *, now: float, paid: bool = False) -> None:
        """Take envelopes for the devices of a line, or say why not; see `Deposits`."""
        try:
            self._deposits.deposit(sender, frame, now=now, paid=paid)
        finally:
            self._deposits.forget_grant()

    def ack(self, mailbox: Mailbox, frame: Ack, *, now: float) -> None:
        """Take a device's word that it has stored an envelope, or cannot use it. Unknown ids are old news."""
        shown, named = frame.code is _SHOWN, frame.envelope_id
        entry = mailbox.live.get(named)
        if entry is not None and shown and entry.granted:
            self._endings.delivered_live(mailbox, entry)
            if mailbox.unsent:
                self._delivery.pump(mailbox)
            return
        state = _DELIVERED if shown else OutcomeState.UNREADABLE
        entry = mailbox.find(named)
        if entry is not None:
            self._endings.device_says(mailbox, entry, state, now=now)
            if mailbox.unsent or not mailbox.caught_up:
                self._delivery.pump(mailbox)
            return
        doubt = mailbox.doubts.get(named)
        if doubt is not None:
            self._endings.resolve(doubt, state if shown else doubt.refused_means, now=now)

    def withdrawn(self, mailbox: Mailbox, frame: Withdrawn, *, now: float) -> None:
        """Take a device's answer about a withdrawn envelope.

        Or about one that was deposited again after its end: the device remembers that it refused it for good.
        """
        doubt = mailbox.doubts.get(frame.envelope_id)
        if doubt is not None:
            self._endings.resolve(doubt, _DELIVERED if frame.had_it else doubt.refused_means, now=now)
            return
        entry = mailbox.find(frame.envelope_id)
        if entry is not None and not frame.had_it:
            self._endings.device_says(mailbox, entry, OutcomeState.RECALLED, now=now)
            self._delivery.pump(mailbox)

    def recall(self, sender: Sender, frame: Recall, *, now: float = 0.0, paid: bool = False) -> None:
        """Take an envelope back; see `Inquiries`. `now` counts against the line's budget, if it has one."""
        self.inquiries.recall(sender, frame, now=now, paid=paid)

    def ask(self, sender: Sender, frame: Ask, *, now: float = 0.0, paid: bool = False) -> None:
        """Say what became of an envelope; see `Inquiries`. `now` as for `recall`."""
        self.inquiries.ask(sender, frame, now=now, paid=paid)

    def left(self, sender: Sender) -> None:
        """Note that a connection is closed: what it waits for goes on without it."""

    def collect(self, frame: Collect) -> None:
        """Forget an outcome that its sender knows."""
        self._ledger.collect(handle_hash(frame.handle))

    # What the loop drives

    def take_batch(self) -> Batch | None:
        """Return the next batch to commit; None while one is away, or when there is none."""
        return self._ledger.take()

    def committed(self, *, now: float) -> None:
        """The batch that was taken is durable: answer deposits, and do what was asked for meanwhile."""
        entries, actions = self._ledger.committed()
        touched: dict[bytes, Mailbox] = {}
        for entry in entries:
            mailbox = touched[entry.device] = self._books.mailbox(entry.device)
            self._endings.durable(entry)
            recalls, entry.recalls = entry.recalls, None
            if entry.verdict is not None:
                entry.recalls, verdict = recalls, entry.verdict
                self._endings.conclude(mailbox, entry, verdict, now=now)
            elif recalls:
                self.inquiries.recall_stored(entry, recalls[0], now=now)
                for question in recalls[1:]:
                    self.inquiries.answer(question, None, now=now)
            elif mailbox.link is not None and entry.sent_on is not mailbox.link:
                mailbox.to_send(entry)
            else:
                entry.envelope = None
        for action in actions:
            action(now)
        for mailbox in touched.values():
            self._delivery.pump(mailbox)
        for drained in self._ledger.take_drained():
            drained()

    def failed(self, *, now: float) -> None:
        """Nothing of the batch that was taken was stored (no space): its deposits are refused, the rest tried again.

        Not refused are envelopes that the device has or had in its hands, and strangers': see `strangers`.
        """
        again = []
        touched: dict[bytes, Mailbox] = {}
        for entry in self._ledger.failed(now=now):
            mailbox = touched[entry.device] = self._books.mailbox(entry.device)
            entry.place = Place.QUEUED
            if entry.verdict is not None:
                self._endings.conclude(mailbox, entry, entry.verdict, now=now)
            elif entry.handed or not entry.granted:
                again.append(entry)
            else:
                self._endings.refuse(mailbox, entry, now=now)
        self._ledger.requeue(again)
        for mailbox in touched.values():
            self._delivery.pump(mailbox)

    def window_read(self, reading: Reading, rows: Iterable[tuple[int, bytes]]) -> None:
        """Send a window that was read; see `Delivery`."""
        self._delivery.window_read(reading, rows)

    def tick(self, *, now: float) -> None:
        """Move live envelopes whose time is over to the mailbox, and release answers that wait for the grid."""
        self._delivery.end_trials(now=now)
        for ticket in self._strangers.release(now):
            answer(ticket, DepositState.ACCEPTED)

    def next_tick(self) -> float | None:
        """When `tick` has something to do (running seconds); None while there is nothing."""
        trial, stranger = self._delivery.next_end(), self._strangers.next_due
        if trial is None or stranger is None:
            return stranger if trial is None else trial
        return min(trial, stranger)

    def sweep(self, *, now: float) -> None:
        """End custody where its time is over, let go of echoes, renew leases of connected devices. Once a minute."""
        for mailbox in list(self._books.mailboxes.values()):
            line = self.lines.by_device(mailbox.device)
            ended = OutcomeState.GONE if line is None or line.lease_ends <= now else OutcomeState.EXPIRED
            for entry in [e for e in mailbox.waiting.values() if e.expires <= now and e.place is Place.STORED]:
                if entry.handed:
                    self._endings.put_in_doubt(mailbox, entry, OutcomeState.EXPIRED, now=now)
                else:
                    self._endings.conclude(mailbox, entry, ended, now=now)
            for doubt in [d for d in mailbox.doubts.values() if d.expires <= now]:
                self._endings.resolve(doubt, OutcomeState.UNKNOWN, now=now)
            self._books.drop_echoes(mailbox, now=now)
            if mailbox.link is not None:
                self._renew(mailbox.device, now, if_less_than=LIMITS.lease_s - LIMITS.lease_renew_s)
                self._notify(mailbox, line, now)
                # A device may hold acknowledgements back until its window is full: nothing else would fill it up.
                self._delivery.pump(mailbox, eager=True)
            self._books.tidy(mailbox)

    def forget_old_outcomes(self, *, now: float) -> None:
        """Forget outcomes that nobody collected in 14 days."""
        self._ledger.forget_before(now - LIMITS.outcome_kept_s)

    def take_renewed(self) -> dict[DeviceId, float]:
        """Return the leases that were renewed since the last call, for the directory."""
        renewed = dict(self._renewed)
        self._renewed.clear()
        return renewed

    def put_back_renewed(self, renewed: Mapping[DeviceId, float]) -> None:
        """Take back leases that could not be written down; newer ones stay."""
        self._renewed.update({device: ends for device, ends in renewed.items() if device not in self._renewed})

    def stop(self, *, now: float) -> None:
        """Stop taking deposits and queue what is live for the store, so that a graceful stop loses nothing."""
        self._deposits.stopping = True
        self._delivery.end_all_trials(now=now)

    def when_drained(self, action: Callable[[], None]) -> None:
        """Do something once all that was taken is durable."""
        self._ledger.when_drained(action)

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
        self._notices.forget(device)
        mailbox = self._books.mailboxes.get(device)
        if mailbox is not None:
            if mailbox.link is not None:
                mailbox.link.put(Bye(ByeReason.WITHDRAWN))
                mailbox.link.end()
                self._delivery.unlink(mailbox)
            self._delivery.cut_trials(mailbox, now=now)
            for entry in list(mailbox.waiting.values()):
                verdict = OutcomeState.UNKNOWN if entry.handed else state
                if entry.place is Place.WRITING:
                    entry.verdict = entry.verdict or verdict
                else:
                    self._endings.conclude(mailbox, entry, verdict, now=now)
            for doubt in list(mailbox.doubts.values()):
                self._endings.resolve(doubt, OutcomeState.UNKNOWN, now=now)
            self._books.tidy(mailbox)
        # An envelope that is being written is settled by the batch after the one that is away: the same as this.
        self._ledger.then(lambda _now: done())

    def line_changed(self, line: Line, *, now: float) -> None:
        """Take up a line as the directory has it. A lease that was renewed here since stays renewed."""
        before = self.lines.by_device(line.device)
        if before is not None:
            line.lease_ends = max(line.lease_ends, before.lease_ends)
        self.lines.put(line)
        mailbox = self._books.mailboxes.get(line.device)
        if mailbox is not None:
            self._notify(mailbox, line, now)

    # What other processes say

    def take_up(self, held: Held, lines: Iterable[Line]) -> None:
        """Take up mailboxes that another process held, or nobody."""
        for line in lines:
            self.lines.put(line)
        self._books.take_up(held)

    def release(self, device: DeviceId, *, now: float, done: Released) -> None:
        """Let a mailbox go, for another process; see `Moving`."""
        self.lines.remove(device)
        self._notices.forget(device)
        self._moving.release(device, now=now, done=done)

    def is_idle(self, device: DeviceId) -> bool:
        """Whether a device is not connected and nothing of it would be lost by letting it go."""
        mailbox = self._books.mailboxes.get(device)
        return mailbox is None or not (mailbox.link or mailbox.live or mailbox.held or mailbox.echoes)

    def seqs_left(self, top: int) -> int:
        """Return how many places in the order of envelopes are left below `top`."""
        return self._books.seqs_left(top)

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
            "waiting_bytes": sum(mailbox.bytes_held for mailbox in mailboxes),
            "in_doubt": len(self._books.doubts),
        }

    def longest_wait_s(self, *, now: float) -> float:
        """Return the age of the oldest envelope that waits for a device that is connected; 0 without one."""
        oldest = min(
            (
                entry.deposited
                for mailbox in self._books.mailboxes.values()
                if mailbox.link is not None
                for entry in mailbox.waiting.values()
            ),
            default=now,
        )
        return max(0.0, now - oldest)

    def longest_deposit_s(self, *, now: float) -> float:
        """Return how long the oldest envelope that waits for the disk has done so; 0 without one."""
        oldest = self._ledger.oldest_queued()
        return 0.0 if oldest is None else max(0.0, now - oldest)

    def out_of_space(self, *, now: float) -> bool:
        """Whether nothing is stored for the moment because the disk is full."""
        return self._ledger.no_space_until > now

    def _notify(self, mailbox: Mailbox, line: Line | None, now: float) -> None:
        if mailbox.link is not None and line is not None:
            notice = self._notices.due(line, now=now)
            if notice is not None:
                mailbox.link.put(notice)

    def _renew(self, device: DeviceId, now: float, *, if_less_than: float) -> Line | None:
        line = self.lines.by_device(device)
        if line is not None and line.lease_ends < now + if_less_than:
            line.lease_ends = now + LIMITS.lease_s
            self._renewed[line.device] = line.lease_ends
        return line
