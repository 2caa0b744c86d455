"""What the relay has in memory: mailboxes by device, envelopes and doubts by the hash of their handle."""

from sayso.protocol.ids import DeviceId
from sayso.protocol.limits import LIMITS
from sayso.server.core.model import Doubt, Held
from sayso.server.core.relay.entries import Entry
from sayso.server.core.relay.mailbox import Mailbox


class Books:
    """All mailboxes of one server."""

    def __init__(self, held: Held) -> None:
        """Take up what the store holds."""
        self.mailboxes: dict[bytes, Mailbox] = {}
        self.handles: dict[bytes, Entry] = {}
        """Every envelope in the relay, echoes included."""
        self.doubts: dict[bytes, Doubt] = {}
        self.next_seq = 0
        """The next place in the order of all envelopes."""
        self.take_up(held)

    def take_up(self, held: Held) -> None:
        """Take up what the store holds of mailboxes that are not here yet."""
        self.next_seq = max(self.next_seq, held.next_seq)
        for waiting in held.waiting:
            entry = Entry.of(waiting)
            self.mailbox(entry.device).add_waiting(entry)
            self.handles[entry.handle_hash] = entry
        for doubt in held.doubts:
            self.add_doubt(doubt)

    def take_seq(self) -> int:
        """Return the next place in the order of all envelopes, which is the caller's."""
        seq = self.next_seq
        self.next_seq = seq + 1
        return seq

    def seqs_left(self, top: int) -> int:
        """Return how many places are left below `top`."""
        return top - self.next_seq

    def mailbox(self, device: bytes) -> Mailbox:
        """Return a device's mailbox; it is made when first needed."""
        mailbox = self.mailboxes.get(device)
        if mailbox is None:
            mailbox = self.mailboxes[device] = Mailbox(DeviceId(device))
        return mailbox

    def let_go(self, mailbox: Mailbox) -> list[int]:
        """Let go of a mailbox that another process takes over. Returns the seqs of what waits in it."""
        self.mailboxes.pop(mailbox.device, None)
        for entry in (*mailbox.waiting.values(), *mailbox.echoes.values()):
            if self.handles.get(entry.handle_hash) is entry:
                del self.handles[entry.handle_hash]
        for doubt in mailbox.doubts.values():
            self.doubts.pop(doubt.handle_hash, None)
        return [entry.seq for entry in mailbox.waiting.values()]

    def tidy(self, mailbox: Mailbox) -> None:
        """Let go of a mailbox that holds nothing."""
        if mailbox.is_idle():
            self.mailboxes.pop(mailbox.device, None)

    def forget_live(self, mailbox: Mailbox, entry: Entry) -> None:
        """Let go of a contact's envelope that was acknowledged live: the hot path's `forget`."""
        mailbox.drop_live(entry)
        handles = self.handles
        if handles.get(entry.handle_hash) is entry:
            del handles[entry.handle_hash]

    def forget(self, mailbox: Mailbox, entry: Entry, *, now: float) -> None:
        """Let go of an envelope. A stranger's leaves an echo for as long as a stranger may not know."""
        mailbox.drop(entry)
        if entry.granted or _may_be_known(entry, now):
            self._erase(mailbox, entry)
        else:
            mailbox.echoes[entry.envelope_id] = entry

    def drop_echoes(self, mailbox: Mailbox, *, now: float) -> None:
        """Let go of the echoes whose time is over."""
        for echo in [echo for echo in mailbox.echoes.values() if _may_be_known(echo, now)]:
            del mailbox.echoes[echo.envelope_id]
            self._erase(mailbox, echo)

    def add_doubt(self, doubt: Doubt) -> Mailbox:
        """Remember a doubt."""
        mailbox = self.mailbox(doubt.device)
        mailbox.doubts[doubt.envelope_id] = doubt
        self.doubts[doubt.handle_hash] = doubt
        return mailbox

    def drop_doubt(self, doubt: Doubt) -> None:
        """Let go of a doubt."""
        self.mailbox(doubt.device).doubts.pop(doubt.envelope_id, None)
        self.doubts.pop(doubt.handle_hash, None)

    def _erase(self, mailbox: Mailbox, entry: Entry) -> None:
        if self.handles.get(entry.handle_hash) is entry:
            del self.handles[entry.handle_hash]
        if not entry.granted:
            mailbox.free_share(entry)


def _may_be_known(entry: Entry, now: float) -> bool:
    return now - entry.deposited >= LIMITS.stranger_recall_s
