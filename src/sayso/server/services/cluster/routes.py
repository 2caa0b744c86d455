"""The deposits of one token that are under way: in the order in which they came, whatever node holds the mailbox.

looking ─ found ─▶ leading to a node ─ one comes back ─▶ turning: until all others are answered or back ─▶ looking
                   └─ the node is gone ─▶ what is unanswered is lined up again, as a retry ─▶ looking

All that is unanswered is at one node. A node that lets a mailbox go answers first what it took for it; were the next
one asked before that, and the first node fenced, what came later would be shown first.
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
    round: int
    """Of all rounds that this node has begun, the latest of this token: see `messages.Forward`."""
    device: DeviceId | None = None
    node: int | None = None
    """Where deposits go now; None while that is being found out."""
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
        """Whether something came back, and nothing is unanswered any more."""
        return bool(self.back) and not self.sent

    def turn(self, number: int) -> None:
        """Begin a round: line up again what came back, before what has come since."""
        for ref in sorted(self.back, reverse=True):
            one = self.back[ref]
            self.queue.appendleft((one.sender, one.frame))
        self.back.clear()
        self.round = number

    def leads_to(self, node: int) -> bool:
        """Whether deposits go to a node, or are with it unanswered."""
        return self.node == node or any(one.node == node for one in self.sent.values())

    def lose(self) -> list[int]:
        """Take back what was sent, from a node that is gone, and forget the way. Returns the refs."""
        lost = list(self.sent)
        for ref, one in self.sent.items():
            one.frame = retried(one.frame)  # the device may have had it: a recall has to ask
            self.back[ref] = one
        self.sent.clear()
        self.node = None
        return lost

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
