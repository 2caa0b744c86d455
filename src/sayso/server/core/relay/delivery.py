"""From the relay to the device: live, or out of the mailbox.

Live first, for 250 ms; then, and for whom it cannot be live, through the store. Out of the store goes a window at a
time: the watermark that marks it handed becomes durable, then the bytes are read, then they are put on the wire.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from sayso.protocol.frames import CaughtUp, Deliver
from sayso.protocol.limits import LIMITS
from sayso.server.core.relay.books import Books
from sayso.server.core.relay.endings import Endings
from sayso.server.core.relay.entries import Entry, Place
from sayso.server.core.relay.ledger import Ledger
from sayso.server.core.relay.link import Link
from sayso.server.core.relay.mailbox import Mailbox

WINDOW_BYTES: Final = 1024 * 1024
"""A window read from the store has at most this many bytes (or one envelope)."""
_DELIVER_OVERHEAD: Final = 64
_TRIAL_S: Final = LIMITS.live_ack_ms / 1000
_GONE: Final = Place.GONE


@dataclass(frozen=True, slots=True)
class Reading:
    """A window of a mailbox to read from the store and to give to `Relay.window_read`."""

    mailbox: Mailbox
    link: Link
    entries: list[Entry]

    def damaged(self, rows: Iterable[tuple[int, bytes]]) -> int:
        """Count the envelopes that should have been among the rows that were read."""
        found = {seq for seq, _ in rows}
        return sum(entry.place is Place.STORED and entry.seq not in found for entry in self.entries)


class Delivery:
    """Sends envelopes to devices."""

    def __init__(
        self,
        books: Books,
        ledger: Ledger,
        endings: Endings,
        *,
        on_work: Callable[[], None],
    ) -> None:
        self.readings: Final[deque[Reading]] = deque()
        self._books = books
        self._ledger = ledger
        self._endings = endings
        self._on_work = on_work
        self._trials: Final[deque[Entry]] = deque()
        """Envelopes whose 250 ms run, and some that need no end of them any more; in the order of their deposits."""

    # Live

    def dispatch(self, mailbox: Mailbox, entry: Entry, envelope: bytes) -> None:
        """Send an envelope live, or have it wait."""
        link = mailbox.link
        if link is not None and mailbox.takes_live():
            mailbox.add_live(entry, link)
            link.put(Deliver(entry.envelope_id, envelope), entry.size + _DELIVER_OVERHEAD)
        else:
            mailbox.add_waiting(entry)
            if entry.granted:
                self._queue_held_of_same_sender(mailbox, entry)
                self._ledger.queue(entry)
                return
            mailbox.hold(entry)
        if not self._trials:
            self._on_work()
        self._trials.append(entry)

    def end_trials(self, *, now: float) -> None:
        """Give to the store what has not been acknowledged within its 250 ms."""
        trials = self._trials
        while trials and trials[0].deposited + _TRIAL_S <= now:
            self._end_trial(trials.popleft(), now)

    def end_all_trials(self, *, now: float) -> None:
        """Give everything to the store that may have to go there."""
        while self._trials:
            self._end_trial(self._trials.popleft(), now)

    def next_end(self) -> float | None:
        """When `end_trials` has something to do (running seconds); None while there is nothing."""
        trials = self._trials
        while trials and not _is_open(trials[0]):
            trials.popleft()
        return trials[0].deposited + _TRIAL_S if trials else None

    def unlink(self, mailbox: Mailbox) -> None:
        """Note that a connection is gone. What was live on it goes to the mailbox, born handed."""
        for entry in list(mailbox.live.values()):
            mailbox.spill(entry)
            if entry.granted:
                self._ledger.queue(entry)
            else:
                mailbox.hold(entry)
        mailbox.disconnect()

    def cut_trials(self, mailbox: Mailbox, *, now: float) -> None:
        """Wait for no end of a trial in a mailbox without a connection: it is about to be emptied."""
        for entry in list(mailbox.held.values()):
            self._queue_held(mailbox, entry)
        for echo in mailbox.echoes.values():
            self._endings.write_down(echo, now=now)

    # Out of the mailbox

    def pump(self, mailbox: Mailbox, *, eager: bool = False) -> None:
        """Send what is stored as far as the window allows; `eager` as for `Mailbox.next_window`."""
        link = mailbox.link
        if link is None or mailbox.reading or mailbox.unwritten or link.congested:
            return
        entries = mailbox.next_window(max_bytes=WINDOW_BYTES, eager=eager)
        if not mailbox.caught_up and not mailbox.behind:
            mailbox.caught_up = True
            link.put(CaughtUp())
        if not entries:
            return
        mailbox.reading = True
        reading = Reading(mailbox, link, entries)
        unmarked = [entry.seq for entry in entries if not entry.handed]
        if unmarked:
            self._ledger.mark_handed(mailbox.device, max(unmarked))
            self._ledger.then(lambda _now: self._marked(reading))
        else:
            self._read(reading)

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
        self.pump(mailbox)

    def _marked(self, reading: Reading) -> None:
        """Go on once the watermark is durable.

        Only now a recall has to ask the device, and another connection may send these without a watermark of its own.
        """
        for entry in reading.entries:
            entry.handed = True
        self._read(reading)

    def _read(self, reading: Reading) -> None:
        in_memory = [(entry.seq, entry.envelope) for entry in reading.entries if entry.envelope is not None]
        if len(in_memory) == len(reading.entries) or reading.mailbox.link is not reading.link:
            self.window_read(reading, in_memory)
        else:
            self.readings.append(reading)
            self._on_work()

    # The end of a trial

    def _end_trial(self, entry: Entry, now: float) -> None:
        if entry.place is Place.LIVE:
            self._books.mailbox(entry.device).spill(entry)
            self._ledger.queue(entry)
        elif entry.place is Place.HELD:
            self._queue_held(self._books.mailbox(entry.device), entry)
        elif entry.place is Place.GONE:
            self._endings.write_down(entry, now=now)

    def _queue_held(self, mailbox: Mailbox, entry: Entry) -> None:
        del mailbox.held[entry.envelope_id]
        self._ledger.queue(entry)

    def _queue_held_of_same_sender(self, mailbox: Mailbox, entry: Entry) -> None:
        """Keep the order of a sender who had no grant a moment ago."""
        if mailbox.held:
            for held in [held for held in mailbox.held.values() if held.origin is entry.origin]:
                self._queue_held(mailbox, held)


def _is_open(entry: Entry) -> bool:
    place = entry.place
    if place is _GONE:
        return entry.verdict is not None
    return place is Place.LIVE or place is Place.HELD
