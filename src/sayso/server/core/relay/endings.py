"""How custody ends, and who is told."""

from typing import Final

from sayso.protocol.frames import Deposited, DepositState, Frame, Outcome, OutcomeState, Refusal, Refused, Withdraw
from sayso.protocol.limits import LIMITS
from sayso.server.core.model import Doubt, StoredOutcome
from sayso.server.core.relay.books import Books
from sayso.server.core.relay.entries import REFUSED, Entry, Place, Question, Sender, Ticket
from sayso.server.core.relay.ledger import Ledger
from sayso.server.core.relay.mailbox import Mailbox
from sayso.server.core.relay.strangers import Strangers

_ACCEPTED: Final = DepositState.ACCEPTED
_DELIVERED: Final = DepositState.DELIVERED
_UNSETTLED: Final = frozenset({Place.LIVE, Place.HELD})
_LIVE: Final = Place.LIVE
_SHOWN: Final = OutcomeState.DELIVERED


class Endings:
    """Ends custody: by acknowledgement, time, recall, or because a device is gone."""

    def __init__(self, books: Books, ledger: Ledger, strangers: Strangers) -> None:
        self._books = books
        self._ledger = ledger
        self._strangers = strangers

    def device_says(self, mailbox: Mailbox, entry: Entry, state: OutcomeState, *, now: float) -> None:
        """A device has answered for an envelope: `DELIVERED` or `UNREADABLE`."""
        if state is _SHOWN and entry.granted and entry.place is _LIVE:
            self.delivered_live(mailbox, entry)
        elif entry.place is Place.WRITING:
            entry.verdict = state  # settled when the batch that is away has landed
            if state is OutcomeState.DELIVERED and entry.granted:
                self._tell_delivered(entry)
        else:
            self.conclude(mailbox, entry, state, now=now)

    def delivered_live(self, mailbox: Mailbox, entry: Entry) -> None:
        """A contact's envelope was acknowledged live. Nothing is written: the answer is the outcome. The hot path."""
        tickets, entry.tickets = entry.tickets, None
        self._books.forget_live(mailbox, entry)
        for ticket in tickets or ():
            ticket.open_parts -= 1  # as `part_done` does
            if ticket.open_parts == 0 and ticket.granted:
                answer(ticket, _DELIVERED if ticket.all_delivered else _ACCEPTED)

    def conclude(self, mailbox: Mailbox, entry: Entry, state: OutcomeState, *, now: float) -> None:
        """Drop an envelope that is not being written right now, keep its outcome where one is needed, tell its sender.

        A granted one that was acknowledged before it was stored leaves no trace, but for a recall that waits.
        """
        if not entry.granted and entry.place in _UNSETTLED:
            entry.verdict = state  # written when its 250 ms are over: see `strangers`
            self._ledger.note(entry.outcome(state, now))
            self._books.forget(mailbox, entry, now=now)
            return
        entry.verdict = None
        stored = entry.place is Place.STORED
        at_once = entry.granted and state is OutcomeState.DELIVERED
        if at_once:
            self._tell_delivered(entry)
        if stored:
            self._ledger.settle(entry, entry.outcome(state, now))
        elif not at_once or entry.recalls:
            self._ledger.remember(entry.outcome(state, now))
        self._books.forget(mailbox, entry, now=now)
        self._when_written(entry, state)

    def write_down(self, entry: Entry, *, now: float) -> None:
        """Write the outcome of a stranger's envelope that was answered for within its 250 ms."""
        state, entry.verdict = entry.verdict, None
        if state is not None:
            self._ledger.remember(entry.outcome(state, now))
            self._when_written(entry, state)

    def put_in_doubt(self, mailbox: Mailbox, entry: Entry, refused_means: OutcomeState, *, now: float) -> None:
        """Destroy the bytes of a stored envelope that has left already; from now on the device has the word."""
        doubt = Doubt(
            device=entry.device,
            envelope_id=entry.envelope_id,
            handle_hash=entry.handle_hash,
            granted=entry.granted,
            deposited=entry.deposited,
            expires=now + LIMITS.outcome_kept_s,
            refused_means=refused_means,
        )
        self._ledger.doubt(entry, doubt)
        self._books.forget(mailbox, entry, now=now)
        self._books.add_doubt(doubt)
        self.ask_device(doubt)

    def ask_device(self, doubt: Doubt) -> None:
        """Ask a device about an envelope in doubt, as soon as the doubt is durable and if it is connected then.

        Not earlier: a device that has noted never to show an envelope must not be given it again after a crash.
        """
        self._ledger.then(lambda _now: self._withdraw(doubt))

    def resolve(self, doubt: Doubt, state: OutcomeState, *, now: float) -> None:
        """End a doubt."""
        self._books.drop_doubt(doubt)
        outcome = StoredOutcome(
            handle_hash=doubt.handle_hash, state=state, granted=doubt.granted, deposited=doubt.deposited, at=now
        )
        self._ledger.resolve(doubt.device, doubt.envelope_id, outcome)

    def refuse(self, mailbox: Mailbox, entry: Entry, *, now: float) -> None:
        """An envelope could not be stored and never left: its deposits are refused, nothing of it is kept."""
        self._books.forget(mailbox, entry, now=now)
        for ticket in entry.tickets or ():
            if ticket.open_parts > 0:
                ticket.sender.open_tickets -= 1
                ticket.open_parts = REFUSED
                say(ticket.sender, Refused(ticket.ref, Refusal.NO_SPACE))
        for question in entry.recalls or ():
            self.reply(question, OutcomeState.RECALLED, now=now)

    def part_done(self, ticket: Ticket, *, delivered: bool) -> None:
        """One part is durable or acknowledged; with the last one a deposit with the grant is answered at once."""
        ticket.open_parts -= 1
        if not delivered:
            ticket.all_delivered = False
        if ticket.open_parts == 0 and ticket.granted:
            answer(ticket, _DELIVERED if ticket.all_delivered else _ACCEPTED)

    def reply(self, question: Question, state: OutcomeState, *, now: float) -> None:
        """Answer a question at the next point of the strangers' grid."""
        self._strangers.at_next_tick(now, lambda: _reply(question, state))
        self._ledger.poke()

    def durable(self, entry: Entry) -> None:
        """An envelope, or its outcome, is durable: its deposits have an answer."""
        tickets, entry.tickets = entry.tickets, None
        for ticket in tickets or ():
            self.part_done(ticket, delivered=False)

    def _when_written(self, entry: Entry, state: OutcomeState) -> None:
        """Say what became of an envelope to all who wait for it, once it is durable."""
        granted_origin = entry.origin if entry.granted else None
        if not (entry.tickets or entry.recalls or granted_origin):
            return

        def tell(now: float) -> None:
            self.durable(entry)
            recalls, entry.recalls = entry.recalls, None
            for question in recalls or ():
                self.reply(question, state, now=now)
            if granted_origin is not None:
                say(granted_origin, Outcome(0, entry.handle_hash, state))

        self._ledger.then(tell)

    def _tell_delivered(self, entry: Entry) -> None:
        """Tell a sender with the grant at once: its phone may lose this word, but never has to take it back."""
        tickets, entry.tickets = entry.tickets, None
        for ticket in tickets or ():
            self.part_done(ticket, delivered=True)
        origin, entry.origin = entry.origin, None
        if origin is not None and not tickets:
            say(origin, Outcome(0, entry.handle_hash, OutcomeState.DELIVERED))

    def _withdraw(self, doubt: Doubt) -> None:
        mailbox = self._books.mailboxes.get(doubt.device)
        if mailbox is not None and mailbox.link is not None and doubt.envelope_id in mailbox.doubts:
            mailbox.link.put(Withdraw(doubt.envelope_id))


def say(sender: Sender, frame: Frame) -> None:
    """Put a frame on a connection that may be gone by now."""
    if sender.link is not None:
        sender.link.put(frame)


def answer(ticket: Ticket, state: DepositState) -> None:
    """Answer a deposit."""
    sender = ticket.sender
    sender.open_tickets -= 1
    if sender.link is not None:
        sender.link.put(Deposited(ticket.ref, state))


def _reply(question: Question, state: OutcomeState) -> None:
    question.sender.open_questions -= 1
    say(question.sender, Outcome(question.ref, question.handle_hash, state))
