"""Deposits: what is wrong with one, or that it is taken."""

from collections.abc import Callable
from typing import Any, Final

from sayso.protocol.frames import Deposit, Refusal, Refused, WrongDevices
from sayso.protocol.ids import EnvelopeId, HandleHash, envelope_id, grant_hash, same
from sayso.protocol.limits import LIMITS
from sayso.server.core.lines import Line, LineTable
from sayso.server.core.relay.books import Books
from sayso.server.core.relay.delivery import Delivery
from sayso.server.core.relay.endings import Endings
from sayso.server.core.relay.entries import Entry, Place, Sender, Ticket
from sayso.server.core.relay.ledger import Ledger
from sayso.server.core.relay.mailbox import Mailbox
from sayso.server.core.relay.strangers import Strangers, due

OPEN_DEPOSITS: Final = 4096
"""Unanswered deposits of one connection; beyond it the sender has to wait."""
# Bound here because they are looked up with every message.
_LIVE: Final = Place.LIVE
_TTL_MIN: Final = LIMITS.ttl_min_s
_TTL_MAX: Final = LIMITS.ttl_max_s
_NO_GRANT: Final = (b"", grant_hash(b""))
_ID_BYTES: Final = 18
"""A device id on the wire."""


class Deposits:
    """Takes deposits."""

    def __init__(
        self,
        lines: LineTable,
        books: Books,
        ledger: Ledger,
        endings: Endings,
        strangers: Strangers,
        delivery: Delivery,
        *,
        on_work: Callable[[], None],
    ) -> None:
        self.stopping = False
        self._lines = lines
        self._books = books
        self._ledger = ledger
        self._endings = endings
        self._strangers = strangers
        self._delivery = delivery
        self._on_work = on_work
        self._shown = _NO_GRANT
        """The grant of the deposit before, and its hash, while a message is taken: who sends several texts to one line
        shows one grant with each, and it is hashed once."""

    def forget_grant(self) -> None:
        """Let go of the grant of the last deposit: what is kept of one is its hash."""
        self._shown = _NO_GRANT

    def deposit(self, sender: Sender, frame: Deposit, *, now: float, paid: bool = False) -> None:
        """Take an envelope for the device of a line, or say why not. Answered at once or later, exactly once.

        `paid`: the sender's line was charged for it already, by whoever looked for the mailbox.

        Today a line has one device, so that a complete list of devices has one part. This runs for every message: what
        it does not call is what it is fast by.
        """
        link = sender.link
        if link is None:
            return
        if (
            self.stopping
            or not _TTL_MIN <= frame.ttl_s <= _TTL_MAX
            or sender.open_tickets >= OPEN_DEPOSITS
            or self._ledger.is_full
            or not (paid or sender.may_deposit(now=now))
        ):
            link.put(Refused(frame.ref, self._refusal(frame)))
            return
        line = self._lines.addressable(frame.token, now=now)
        granted = line is not None and self._opens(line, frame.grant)
        if line is None or (line.hidden and not granted):
            link.put(Refused(frame.ref, Refusal.NOT_ENROLLED))
            return
        parts = frame.parts
        part = parts[0]
        device = line.device
        if len(parts) != 1 or part.device != device or part.envelope_key not in line.envelope_keys:
            wrong = _wrong_devices(line, frame)
            link.put(wrong, 64 + _ID_BYTES * (len(wrong.missing) + len(wrong.extra) + len(wrong.stale)))
            return
        envelope = part.envelope
        digest: Any = part.handle_hash  # a HandleHash: to call the type would be one call more for every message
        mailbox = self._books.mailbox(device)
        named = envelope_id(envelope)
        known = mailbox.known(named)
        if known is not None and known.handle_hash != digest:
            link.put(Refused(frame.ref, Refusal.HANDLE_USED))  # its sender could neither ask nor recall by this one
            return
        if known is None:
            refusal = self._no_room(digest, len(envelope), mailbox, named, granted=granted, now=now)
            if refusal is not None:
                link.put(Refused(frame.ref, refusal))
                return
        ticket = Ticket(sender, frame.ref, granted=granted)
        sender.open_tickets += 1
        if not granted:
            ticket.due = due(now)
            self._strangers.add(ticket)
            self._on_work()
        if known is not None:
            self._retried(known, ticket, sender)
        else:
            entry = Entry(
                seq=self._books.take_seq(),
                device=device,
                envelope_id=named,
                handle_hash=digest,
                deposited=now,
                expires=min(line.lease_ends, now + frame.ttl_s),
                size=len(envelope),
                granted=granted,
                envelope=envelope,
                place=_LIVE,
                handed=frame.again,
                ticket=ticket,
            )
            self._books.handles[digest] = entry
            self._delivery.dispatch(mailbox, entry, envelope)

    def _opens(self, line: Line, grant: bytes) -> bool:
        if not grant:
            return False
        if grant != self._shown[0]:  # both are the sender's own: how long this takes tells it nothing new
            self._shown = (grant, grant_hash(grant))
        return same(self._shown[1], line.grant_hash)

    def _refusal(self, frame: Deposit) -> Refusal:
        if self.stopping:
            return Refusal.STOPPING
        return Refusal.TOO_MANY if _TTL_MIN <= frame.ttl_s <= _TTL_MAX else Refusal.TTL

    def _no_room(
        self, digest: HandleHash, size: int, mailbox: Mailbox, named: EnvelopeId, *, granted: bool, now: float
    ) -> Refusal | None:
        """Return why an envelope that is not known yet cannot be taken."""
        books = self._books
        if digest in books.handles or digest in books.doubts or named in mailbox.doubts:
            return Refusal.HANDLE_USED
        if mailbox.is_full(size, granted=granted):
            return Refusal.MAILBOX_FULL
        if now < self._ledger.no_space_until and not (granted and mailbox.takes_live()):
            return Refusal.NO_SPACE
        return None

    def _retried(self, known: Entry, ticket: Ticket, sender: Sender) -> None:
        """Answer a deposit of an envelope that is here with whatever answers the first one."""
        if known.tickets is None:
            self._endings.part_done(ticket, delivered=False)
        else:
            known.tickets.append(ticket)
            known.origin = sender


def _wrong_devices(line: Line, frame: Deposit) -> WrongDevices:
    """Return what is wrong with a deposit's list of devices."""
    parts = frame.parts
    named = {part.device for part in parts}
    extra = [device for device in named if device != line.device]
    missing: list[bytes] = [] if line.device in named else [line.device]
    stale = [
        part.device for part in parts if part.device == line.device and part.envelope_key not in line.envelope_keys
    ]
    return WrongDevices(frame.ref, missing, extra, stale)
