"""Deposits: what is wrong with one, or that it is taken."""

from collections.abc import Callable
from typing import Final

from sayso.protocol.frames import Deposit, Part, Refusal, Refused, WrongDevices
from sayso.protocol.ids import EnvelopeId, HandleHash, envelope_id, grant_hash, same
from sayso.protocol.limits import LIMITS
from sayso.server.core.lines import LineTable
from sayso.server.core.model import Line
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

    def deposit(self, sender: Sender, frame: Deposit, *, now: float) -> None:
        """Take envelopes for the devices of a line, or say why not. Answered at once or later, exactly once."""
        link = sender.link
        if link is None:
            return
        refusal = self._refusal(sender, frame)
        if refusal is not None:
            link.put(Refused(frame.ref, refusal))
            return
        line = self._lines.addressable(frame.token, now=now)
        granted = line is not None and bool(frame.grant) and same(grant_hash(frame.grant), line.grant_hash)
        if line is None or (line.hidden and not granted):
            link.put(Refused(frame.ref, Refusal.NOT_ENROLLED))
            return
        wrong = _wrong_devices(line, frame)
        if wrong is not None:
            link.put(wrong, 64 + _ID_BYTES * (len(wrong.missing) + len(wrong.extra) + len(wrong.stale)))
            return
        found: list[tuple[Part, Mailbox, EnvelopeId, Entry | None]] = []
        for part in frame.parts:
            mailbox = self._books.mailbox(part.device)
            named = envelope_id(part.envelope)
            known = mailbox.known(named)
            refusal = self._no_room(part, mailbox, named, known, granted=granted, now=now)
            if refusal is not None:
                link.put(Refused(frame.ref, refusal))
                return
            found.append((part, mailbox, named, known))
        self._take(sender, frame, found, line, now=now, granted=granted)

    def _refusal(self, sender: Sender, frame: Deposit) -> Refusal | None:
        if self.stopping:
            return Refusal.STOPPING
        if not _TTL_MIN <= frame.ttl_s <= _TTL_MAX:
            return Refusal.TTL
        if sender.open_tickets >= OPEN_DEPOSITS or self._ledger.is_full:
            return Refusal.TOO_MANY
        return None

    def _no_room(
        self, part: Part, mailbox: Mailbox, named: EnvelopeId, known: Entry | None, *, granted: bool, now: float
    ) -> Refusal | None:
        """Return why a part cannot be taken.

        A retry always can, but under the first handle only: by another one its sender could neither ask nor recall.
        """
        if known is not None:
            return None if known.handle_hash == part.handle_hash else Refusal.HANDLE_USED
        books = self._books
        if part.handle_hash in books.handles or part.handle_hash in books.doubts or named in mailbox.doubts:
            return Refusal.HANDLE_USED
        if mailbox.is_full(len(part.envelope), granted=granted):
            return Refusal.MAILBOX_FULL
        if now < self._ledger.no_space_until and not (granted and mailbox.takes_live()):
            return Refusal.NO_SPACE
        return None

    def _take(
        self,
        sender: Sender,
        frame: Deposit,
        found: list[tuple[Part, Mailbox, EnvelopeId, Entry | None]],
        line: Line,
        *,
        now: float,
        granted: bool,
    ) -> None:
        ticket = Ticket(sender=sender, ref=frame.ref, granted=granted, open_parts=len(found))
        sender.open_tickets += 1
        if not granted:
            ticket.due = due(now)
            self._strangers.add(ticket)
            self._on_work()
        for part, mailbox, named, known in found:
            if known is None:
                envelope = part.envelope
                entry = Entry(
                    seq=self._books.next_seq(),
                    device=mailbox.device,
                    envelope_id=named,
                    handle_hash=HandleHash(part.handle_hash),
                    deposited=now,
                    expires=min(now + frame.ttl_s, line.lease_ends),
                    size=len(envelope),
                    granted=granted,
                    envelope=envelope,
                    place=_LIVE,
                    origin=sender,
                    tickets=[ticket],
                    handed=frame.again,
                )
                self._books.handles[part.handle_hash] = entry
                self._delivery.dispatch(mailbox, entry, envelope)
            elif known.tickets is None:
                self._endings.part_done(ticket, delivered=False)
            else:
                known.tickets.append(ticket)
                known.origin = sender


def _wrong_devices(line: Line, frame: Deposit) -> WrongDevices | None:
    """Return what is wrong with a deposit's list of devices, if anything."""
    parts = frame.parts
    if len(parts) == 1 and parts[0].device == line.device and parts[0].envelope_key in line.envelope_keys:
        return None
    named = {part.device for part in parts}
    extra = [device for device in named if device != line.device]
    missing: list[bytes] = [] if line.device in named else [line.device]
    stale = [
        part.device for part in parts if part.device == line.device and part.envelope_key not in line.envelope_keys
    ]
    return WrongDevices(frame.ref, missing, extra, stale)
