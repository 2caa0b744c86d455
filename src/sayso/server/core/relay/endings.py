"""How custody ends, and who is told."""

from functools import partial

from sayso.protocol.frames import Deposited, DepositState, Frame, Outcome, OutcomeState, Refusal, Refused, Withdraw
from sayso.protocol.limits import LIMITS
from sayso.server.core.model import Doubt, StoredOutcome
from sayso.server.core.relay.books import Books
from sayso.server.core.relay.entries import Entry, Place, Sender, Ticket
from sayso.server.core.relay.ledger import Ledger
from sayso.server.core.relay.mailbox import Mailbox


class Endings:
    """Ends custody: by acknowledgement, time, recall, or because a device is gone."""

    def __init__(self, books: Books, ledger: Ledger) -> None:
        self._books = books
        self._ledger = ledger

    def device_says(self, mailbox: Mailbox, entry: Entry, state: OutcomeState, *, now: float) -> None:
        """A device has answered for an envelope: `DELIVERED` or `UNREADABLE`."""
        if entry.place is not Place.WRITING:
            self.conclude(mailbox, entry, state, now=now)
            return
        entry.verdict = state  # settled when the batch that is away has landed
        if state is OutcomeState.DELIVERED and entry.granted:
            tickets, entry.tickets = entry.tickets, None
            for ticket in tickets or ():
                self.part_done(ticket, delivered=True)

    def conclude(self, mailbox: Mailbox, entry: Entry, state: OutcomeState, *, now: float) -> None:
        """Drop an envelope that is not being written right now, keep its outcome where one is needed, tell its sender.

        A live envelope that was delivered for a sender with the grant leaves no trace: the answer is the outcome.
        """
        tickets, entry.tickets = entry.tickets, None
        delivered = state is OutcomeState.DELIVERED
        at_once = delivered and entry.granted
        if entry.place is Place.STORED:
            self._ledger.settle(entry, entry.outcome(state, now))
        elif not at_once:
            self._ledger.remember(entry.outcome(state, now))
        for ticket in tickets or ():
            if at_once:
                self.part_done(ticket, delivered=True)
            else:
                self._ledger.then(partial(self.part_done, ticket, delivered=False))
        if not (tickets and at_once):
            self._tell(entry, state)
        self._books.forget(mailbox, entry)

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
        self._books.forget(mailbox, entry)
        self._books.add_doubt(doubt)
        self._ledger.then(partial(self.ask_device, doubt))

    def ask_device(self, doubt: Doubt) -> None:
        """Ask a connected device about an envelope in doubt."""
        mailbox = self._books.mailboxes.get(doubt.device)
        if mailbox is not None and mailbox.link is not None and doubt.envelope_id in mailbox.doubts:
            mailbox.link.put(Withdraw(doubt.envelope_id))

    def resolve(self, doubt: Doubt, state: OutcomeState, *, now: float) -> None:
        """End a doubt."""
        self._books.drop_doubt(doubt)
        outcome = StoredOutcome(
            handle_hash=doubt.handle_hash, state=state, granted=doubt.granted, deposited=doubt.deposited, at=now
        )
        self._ledger.resolve(doubt.device, doubt.envelope_id, outcome)

    def refuse(self, mailbox: Mailbox, entry: Entry) -> None:
        """An envelope could not be stored: its deposits are refused, nothing of it is kept."""
        tickets, entry.tickets = entry.tickets, None
        for ticket in tickets or ():
            ticket.sender.open_tickets -= 1
            ticket.open_parts = Ticket.REFUSED
            say(ticket.sender, Refused(ticket.ref, Refusal.NO_SPACE))
        self._books.forget(mailbox, entry)

    def part_done(self, ticket: Ticket, *, delivered: bool) -> None:
        """One part is durable or acknowledged; with the last one a deposit with the grant is answered at once."""
        ticket.open_parts -= 1
        ticket.all_delivered = ticket.all_delivered and delivered
        if ticket.open_parts == 0 and ticket.granted:
            answer(ticket, DepositState.DELIVERED if ticket.all_delivered else DepositState.ACCEPTED)

    def _tell(self, entry: Entry, state: OutcomeState) -> None:
        """Tell the depositing connection, if it is still there and had the grant, after its deposit was answered."""
        if entry.granted and entry.origin is not None:
            news = Outcome(0, entry.handle_hash, state)
            if entry.place is Place.STORED:
                say(entry.origin, news)
            else:
                self._ledger.then(partial(say, entry.origin, news))


def say(sender: Sender, frame: Frame) -> None:
    """Put a frame on a connection that may be gone by now."""
    if sender.link is not None:
        sender.link.put(frame)


def answer(ticket: Ticket, state: DepositState) -> None:
    """Answer a deposit."""
    ticket.sender.open_tickets -= 1
    say(ticket.sender, Deposited(ticket.ref, state))
