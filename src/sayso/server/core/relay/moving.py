"""A mailbox moves from one process to another: settled here first, taken up there from the store.

release ─▶ connection ended, everything queued ─ durable, and nothing changed since the last look ─▶ let go
└ else: look again after the next batch
"""

from collections.abc import Callable
from typing import TypeAlias

from sayso.protocol.frames import Bye, ByeReason
from sayso.protocol.ids import DeviceId
from sayso.server.core.relay.books import Books
from sayso.server.core.relay.delivery import Delivery
from sayso.server.core.relay.entries import Place
from sayso.server.core.relay.inquiries import Inquiries
from sayso.server.core.relay.ledger import Ledger
from sayso.server.core.relay.mailbox import Mailbox

Released: TypeAlias = Callable[[list[int]], None]
"""Takes the seqs of what waits in the mailbox that was let go."""


class Moving:
    """Lets mailboxes go."""

    def __init__(self, books: Books, ledger: Ledger, delivery: Delivery, inquiries: Inquiries) -> None:
        self._books = books
        self._ledger = ledger
        self._delivery = delivery
        self._inquiries = inquiries

    def release(self, device: DeviceId, *, now: float, done: Released) -> None:
        """End a device's connection here, and forget its mailbox once all of it is durable.

        The caller takes no deposits for the device any more.
        """
        mailbox = self._books.mailboxes.get(device)
        if mailbox is not None:
            if mailbox.link is not None:
                mailbox.link.put(Bye(ByeReason.REPLACED))
                mailbox.link.end()
                self._delivery.unlink(mailbox)
            self._delivery.cut_trials(mailbox, now=now)
        self._look(device, None, done)

    def _look(self, device: DeviceId, before: frozenset[bytes] | None, done: Released) -> None:
        """Look after the next batch whether everything is settled, and was so before it."""

        def look(_now: float) -> None:
            mailbox = self._books.mailboxes.get(device)
            seen = _settled(mailbox)
            if seen is None or seen != before or self._inquiries.concerns(device):
                self._look(device, seen, done)
            else:
                done(self._books.let_go(mailbox) if mailbox is not None else [])

        self._ledger.then(look)


def _settled(mailbox: Mailbox | None) -> frozenset[bytes] | None:
    """Return what a settled mailbox holds; None: something of it is on its way into the store."""
    if mailbox is None:
        return frozenset()
    if mailbox.live or mailbox.held or any(entry.place is not Place.STORED for entry in mailbox.waiting.values()):
        return None
    return frozenset({*mailbox.waiting, *mailbox.doubts})
