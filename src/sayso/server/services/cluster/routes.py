"""The deposits of one token that are under way: in the order in which they came, whatever node holds the mailbox.

looking ─ found ─▶ leading to a node ─ one comes back ─▶ turned: until all that were sent after it are back ─▶ looking
└─ the node is gone ─▶ what is unanswered is sent again, as a retry ─▶ looking
"""

from collections import deque
from dataclasses import dataclass, field

from sayso.protocol.frames import Deposit
from sayso.protocol.ids import DeviceId
from sayso.server.core.relay.entries import Sender


@dataclass(slots=True, eq=False)
class Sent:
    """A deposit that another node has, unanswered."""

    sender: Sender
    frame: Deposit
    """As the sender sent it."""
    node: int


@dataclass(slots=True, eq=False)
class Route:
    """One token's."""

    token: bytes
    device: DeviceId | None = None
    node: int | None = None
    """Where deposits go now; None while that is being found out."""
    round: int = 0
    looking: bool = False
    looks: int = 0
    """How often in a row it was looked for in vain."""
    queue: deque[tuple[Sender, Deposit]] = field(default_factory=deque)
    sent: dict[int, Sent] = field(default_factory=dict)
    """By our ref, which grows."""
    back: dict[int, Sent] = field(default_factory=dict)
    """What has come back of the present round."""

    def came_back(self, ref: int) -> None:
        """Take a deposit back."""
        self.back[ref] = self.sent.pop(ref)
        self.node = None

    @property
    def is_turned(self) -> bool:
        """Whether all that was sent after the first one that came back is back too."""
        if not self.back:
            return False
        first = min(self.back)
        return all(ref < first for ref in self.sent)

    def turn(self) -> None:
        """Line up again what came back, before what has come since."""
        for ref in sorted(self.back, reverse=True):
            one = self.back[ref]
            self.queue.appendleft((one.sender, one.frame))
        self.back.clear()
        self.round += 1

    def lose(self, node: int) -> bool:
        """Line up again what a node that is gone has not answered. Returns whether the way has to be looked for."""
        lost = [ref for ref, one in self.sent.items() if one.node == node]
        if not lost and self.node != node:
            return False
        turning = bool(self.back)
        for ref in lost:
            one = self.sent.pop(ref)
            one.frame = retried(one.frame)  # the device may have had it: a recall has to ask
            self.back[ref] = one
        if self.node == node:
            self.node = None
        elif turning and not self.is_turned:
            return False
        self.turn()
        return not self.looking

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not (self.queue or self.sent or self.back)


def retried(frame: Deposit) -> Deposit:
    """Return a deposit as a retry."""
    return Deposit(frame.ref, frame.token, frame.ttl_s, frame.grant, frame.parts, again=True)


def numbered(frame: Deposit, ref: int) -> Deposit:
    """Return a deposit under another ref."""
    return Deposit(ref, frame.token, frame.ttl_s, frame.grant, frame.parts, frame.again)
