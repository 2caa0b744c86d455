"""Deposits and questions to the node that holds the mailbox, and the answers back to the connection.

Where the mailbox is held here this is one look into a dictionary more than in a server of one process. Otherwise what a
sender is told comes from the other node's relay, which sees the connection as one of its own (`_Far`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from sayso.protocol.frames import Ack, Ask, Deposit, Frame, Outcome, OutcomeState, Recall, Refusal, Refused
from sayso.protocol.ids import DeviceId, HandleHash, Token, handle_hash
from sayso.server.cluster_port import Nodes, Ownership
from sayso.server.core.relay.deposits import OPEN_DEPOSITS
from sayso.server.core.relay.entries import Sender
from sayso.server.core.relay.inquiries import OPEN_QUESTIONS
from sayso.server.core.relay.mailbox import Mailbox
from sayso.server.core.relay.relay import Relay
from sayso.server.services.cluster.channels import Channels
from sayso.server.services.cluster.desk import Desk
from sayso.server.services.cluster.holder import Holder
from sayso.server.services.cluster.messages import (
    Answer,
    Back,
    Forward,
    Knowledge,
    Left,
    NotKnown,
    NotMine,
    Question,
    WhoHas,
)
from sayso.server.services.cluster.routes import Route, Sent, numbered

_LOOKS_MAX: Final = 8
"""So often in a row nobody takes a route's deposits before their senders are told to try again later."""
_LOOKS_FOR_NOTHING: Final = 2
"""An envelope may move between the question to PostgreSQL and those to the nodes; a second look finds it."""
_LOOK_AGAIN_S: Final = 0.05
_CLOSED: Final = 0
"""In place of its number: a connection that is closed."""
_ROUTES_KEPT: Final = 65_536
_ROUNDS_KEPT: Final = 65_536
_log = structlog.get_logger()


class Router:
    """Takes what connections bring that is for other mailboxes than their own."""

    def __init__(
        self,
        relay: Relay,
        holder: Holder,
        channels: Channels,
        desk: Desk,
        ownership: Ownership,
        nodes: Nodes,
        *,
        device_of: Callable[[Token], Awaitable[DeviceId | None]],
        now: Callable[[], float],
    ) -> None:
        """Wire it.

        Args:
            relay: this node's.
            holder: of its mailboxes.
            channels: to the other nodes.
            desk: for requests to them.
            ownership: finds an envelope by its handle.
            nodes: who else lives.
            device_of: looks a token up in the directory.
            now: running seconds.
        """
        self._relay = relay
        self._holder = holder
        self._channels = channels
        self._desk = desk
        self._ownership = ownership
        self._nodes = nodes
        self._device_of = device_of
        self._now = now
        self._routes: dict[bytes, Route] = {}
        self._open: dict[int, Route] = {}
        self._under_way: dict[bytes, int] = {}
        """Handles of deposits that are queued or sent here, and how many times."""
        self._questions: dict[int, tuple[Sender, Recall | Ask, int]] = {}
        self._connections: dict[Sender, int] = {}
        self._senders: dict[int, Sender] = {}
        self._told: dict[Sender, set[int]] = {}
        self._far: dict[tuple[int, int], Sender] = {}
        self._rounds: dict[tuple[int, bytes], int] = {}
        self._next = 1
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            await asyncio.get_running_loop().create_future()

    # What connections bring

    def take(self, mailbox: Mailbox, sender: Sender, frames: list[Any], start: int, *, now: float) -> int:
        """Take the deposits and acknowledgements at the head of `frames[start:]`; see `Relay.take`."""
        for at in range(start, len(frames)):
            frame = frames[at]
            if isinstance(frame, Deposit):
                self.deposit(sender, frame, now=now)
            elif isinstance(frame, Ack):
                self._relay.ack(mailbox, frame, now=now)
            else:
                return at
        return len(frames)

    def deposit(self, sender: Sender, frame: Deposit, *, now: float) -> None:
        """Take a deposit; see `Relay.deposit`."""
        route = self._routes.get(frame.token)
        if route is None and self._relay.lines.by_token(frame.token) is not None:
            self._relay.deposit(sender, frame, now=now)
            return
        link = sender.link
        if link is None:
            return
        if self._relay.stopping:
            link.put(Refused(frame.ref, Refusal.STOPPING))
            return
        if sender.open_tickets >= OPEN_DEPOSITS or not sender.may_deposit(now=now):
            link.put(Refused(frame.ref, Refusal.TOO_MANY))
            return
        sender.open_tickets += 1
        for part in frame.parts:
            self._under_way[part.handle_hash] = self._under_way.get(part.handle_hash, 0) + 1
        if route is None:
            self._tidy_routes()
            route = self._routes[frame.token] = Route(frame.token, self._number())
            self._look(route)
        if route.node is None or route.device is None:
            route.queue.append((sender, frame))
        else:
            self._forward(route, route.node, route.device, sender, frame)

    def recall(self, sender: Sender, frame: Recall, *, now: float) -> None:
        """Take an envelope back; see `Relay.recall`."""
        self._question(sender, frame, now)

    def ask(self, sender: Sender, frame: Ask, *, now: float) -> None:
        """Say what became of an envelope; see `Relay.ask`."""
        self._question(sender, frame, now)

    def left(self, sender: Sender) -> None:
        """Note that a connection is closed."""
        number = self._connections.pop(sender, None)
        if number is not None:
            del self._senders[number]
            for node in self._told.pop(sender, ()):
                self._channels.send(node, Left(number))

    # What other nodes bring

    def forwarded(self, node: int, item: Forward) -> None:
        """Take a deposit of a connection at another node."""
        key, frame = (node, frame_token(item)), item.frame
        if item.round > self._rounds.get(key, -1):
            self._rounds.pop(key, None)
            if self._holder.holds(item.device) and self._relay.lines.by_token(frame.token) is not None:
                self._relay.deposit(self._far_sender(node, item.connection), frame, now=self._now())
                return
            if len(self._rounds) >= _ROUNDS_KEPT:
                del self._rounds[next(iter(self._rounds))]
            self._rounds[key] = item.round
        self._channels.send(node, NotMine(frame.ref))

    def came_back(self, ref: int) -> None:
        """Take a deposit back that the other node had nobody for."""
        route = self._open.pop(ref, None)
        if route is not None:
            route.came_back(ref)
            self._turn_if_due(route)

    def questioned(self, node: int, item: Question) -> None:
        """Take a question of a connection at another node."""
        frame = item.frame
        if not self._relay.inquiries.knows(handle_hash(frame.handle)):
            self._channels.send(node, NotKnown(frame.ref))
            return
        self._here(self._far_sender(node, item.connection), frame)

    def not_known(self, ref: int) -> None:
        """Take a question back."""
        asked = self._questions.pop(ref, None)
        if asked is not None:
            self._start(self._find_and_ask(asked[0], asked[1]))

    def answered(self, connection: int, frame: Answer) -> None:
        """Take what another node says to a connection of this one."""
        if isinstance(frame, Outcome):
            self._outcome(connection, frame)
            return
        route = self._open.pop(frame.ref, None)
        if route is None:
            return
        sent = route.sent.pop(frame.ref)
        self._answer(sent.sender, sent.frame, _renumbered(frame, sent.frame.ref))
        if route.back:
            self._turn_if_due(route)

    def knows(self, digest: bytes) -> Knowledge:
        """Tell another node what is known here of an envelope."""
        if self._relay.inquiries.knows(digest):
            return Knowledge.HERE
        return Knowledge.UNDER_WAY if digest in self._under_way else Knowledge.NOTHING

    def far_left(self, node: int, connection: int) -> None:
        """A connection of the other node is closed; or one of this node's has to be."""
        sender = self._far.pop((node, connection), None)
        if sender is not None:
            sender.link = _Far(self._channels, node, _CLOSED)
            return
        mine = self._senders.get(connection)
        if mine is not None and mine.link is not None:
            mine.link.end()

    def node_gone(self, node: int) -> None:
        """A node is fenced: what it has not answered is asked of others."""
        for key in [key for key in self._far if key[0] == node]:
            self._far.pop(key).link = None
        for known in [known for known in self._rounds if known[0] == node]:
            del self._rounds[known]
        for route in [route for route in self._routes.values() if route.leads_to(node)]:
            for ref in route.lose():
                del self._open[ref]
            if route.back:
                self._turn_if_due(route)
            else:
                del self._routes[route.token]
        for ref in [ref for ref, asked in self._questions.items() if asked[2] == node]:
            self.not_known(ref)

    # Deposits

    def _forward(self, route: Route, node: int, device: DeviceId, sender: Sender, frame: Deposit) -> None:
        ref = self._number()
        route.sent[ref] = Sent(sender, frame, node)
        self._open[ref] = route
        self._channels.send(node, Forward(self._connection(sender, node), device, route.round, numbered(frame, ref)))

    def _turn_if_due(self, route: Route) -> None:
        if route.is_turned:
            route.turn(self._number())
            self._look(route)

    def _look(self, route: Route) -> None:
        self._start(self._lead(route))

    async def _lead(self, route: Route) -> None:
        """Find out where a route leads, then let go what waits on it."""
        if route.looks:
            await asyncio.sleep(_LOOK_AGAIN_S * route.looks)
        route.looks += 1
        if route.looks > _LOOKS_MAX:
            self._turn_away(route)
            return
        device = await self._device_of(Token(route.token))
        if device is None:
            self._end(route)
            return
        node = await self._holder.find(device)
        route.device = device
        if node is not None:
            if self._channels.is_gone(node):
                self._start(self._lead(route))
                return
            route.node = node
            while route.queue:
                self._forward(route, node, device, *route.queue.popleft())
        elif self._relay.lines.by_token(route.token) is not None:
            self._end(route)
        else:
            self._start(self._lead(route))  # its line has changed, or the mailbox is on its way to another node

    def _end(self, route: Route) -> None:
        """Have what waits on a route decided here: the mailbox is held here, or there is none."""
        del self._routes[route.token]
        now = self._now()
        for sender, frame in route.queue:
            self._settled(sender, frame)
            self._relay.deposit(sender, frame, now=now, paid=True)
        route.queue.clear()

    def _turn_away(self, route: Route) -> None:
        """Say that nothing was stored: the line is there, but its mailbox is with a node that is not, or on its way."""
        del self._routes[route.token]
        for sender, frame in route.queue:
            self._settled(sender, frame)
            if sender.link is not None:
                sender.link.put(Refused(frame.ref, Refusal.NO_SPACE))
        route.queue.clear()

    def _answer(self, sender: Sender, frame: Deposit, answer: Frame) -> None:
        self._settled(sender, frame)
        route = self._routes.get(frame.token)
        if route is not None:
            route.looks = 0
        if sender.link is not None:
            sender.link.put(answer, 4096)

    def _settled(self, sender: Sender, frame: Deposit) -> None:
        sender.open_tickets -= 1
        for part in frame.parts:
            left = self._under_way[part.handle_hash] - 1
            if left:
                self._under_way[part.handle_hash] = left
            else:
                del self._under_way[part.handle_hash]

    def _tidy_routes(self) -> None:
        if len(self._routes) >= _ROUTES_KEPT:
            for token in [token for token, route in self._routes.items() if route.is_idle and route.node is not None]:
                del self._routes[token]

    # Questions

    def _question(self, sender: Sender, frame: Recall | Ask, now: float) -> None:
        if self._relay.inquiries.knows(handle_hash(frame.handle)) or sender.open_questions >= OPEN_QUESTIONS:
            self._here(sender, frame)
            return
        # Asked of others, it costs as much; an empty budget is refused here as by the relay itself.
        if not sender.may_ask(now=now):
            self._here(sender, frame)
            return
        if sender.link is not None:
            sender.open_questions += 1
            self._start(self._find_and_ask(sender, frame))

    def _here(self, sender: Sender, frame: Recall | Ask, *, paid: bool = False) -> None:
        if isinstance(frame, Recall):
            self._relay.recall(sender, frame, now=self._now(), paid=paid)
        else:
            self._relay.ask(sender, frame, now=self._now(), paid=paid)

    async def _find_and_ask(self, sender: Sender, frame: Recall | Ask) -> None:
        """Find the relay that has an envelope; with none anywhere, its outcome is what is left."""
        digest = handle_hash(frame.handle)
        looked = 0
        while looked < _LOOKS_FOR_NOTHING:
            if self._relay.inquiries.knows(digest):
                break
            node, under_way = await self._find(digest)
            if node is not None and not self._channels.is_gone(node):
                ref = self._number()
                self._questions[ref] = (sender, frame, node)
                asked = type(frame)(ref, frame.handle)
                self._channels.send(node, Question(self._connection(sender, node), asked))
                return
            if under_way:
                await asyncio.sleep(_LOOK_AGAIN_S)
            else:
                looked += 1
        sender.open_questions -= 1
        self._here(sender, frame, paid=True)

    async def _find(self, digest: HandleHash) -> tuple[int | None, bool]:
        """Return who has an envelope, and whether it is on its way to somebody."""
        device = await self._ownership.locate(digest)
        if device is not None:
            node = await self._holder.find(device)
            if node is not None or self._relay.inquiries.knows(digest):
                return node, False
        others = await self._nodes.living()
        said = await asyncio.gather(*(self._desk.request(node, lambda ref: WhoHas(ref, digest)) for node in others))
        here = next((node for node, known in zip(others, said, strict=True) if known is Knowledge.HERE), None)
        return here, digest in self._under_way or Knowledge.UNDER_WAY in said

    def _outcome(self, connection: int, frame: Outcome) -> None:
        sender = self._senders.get(connection)
        if frame.ref:
            asked = self._questions.pop(frame.ref, None)
            if asked is None:
                return
            sender = asked[0]
            sender.open_questions -= 1
            frame = Outcome(asked[1].ref, frame.handle_hash, OutcomeState(frame.state))
        if sender is not None and sender.link is not None:
            sender.link.put(frame)

    # Connections

    def _number(self) -> int:
        """Return a number that was not used before: of a connection, a round, or what another node is asked."""
        number, self._next = self._next, self._next + 1
        return number

    def _connection(self, sender: Sender, node: int) -> int:
        if sender.link is None:
            return _CLOSED
        number = self._connections.get(sender)
        if number is None:
            number = self._connections[sender] = self._number()
            self._senders[number] = sender
            self._told[sender] = set()
        self._told[sender].add(node)
        return number

    def _far_sender(self, node: int, connection: int) -> Sender:
        if connection == _CLOSED:
            return Sender(_Far(self._channels, node, _CLOSED))
        sender = self._far.get((node, connection))
        if sender is None:
            sender = self._far[node, connection] = Sender(_Far(self._channels, node, connection))
        return sender

    def _start(self, work: "Awaitable[None]") -> None:
        if self._tasks is not None:
            self._tasks.create_task(_run(work))


class _Far:
    """A connection of another node, as this node's relay sees it.

    Of one that is closed that node still hears what it waits for itself: answers, but no news.
    """

    __slots__ = ("_channels", "_connection", "_node")

    def __init__(self, channels: Channels, node: int, connection: int) -> None:
        self._channels = channels
        self._node = node
        self._connection = connection

    def put(self, frame: Frame, size: int = 64) -> None:
        """Send a frame to the other node, for the connection."""
        del size
        if isinstance(frame, Answer) and (frame.ref or self._connection != _CLOSED):
            self._channels.send(self._node, Back(self._connection, frame))

    @property
    def congested(self) -> bool:
        """Never: what is not read there is that node's to bound."""
        return False

    def end(self) -> None:
        """Have the other node close the connection."""
        self._channels.send(self._node, Left(self._connection))


def frame_token(item: Forward) -> bytes:
    """Return the token that a forwarded deposit names."""
    return item.frame.token


def _renumbered(frame: Answer, ref: int) -> Frame:
    values = [getattr(frame, name) for name in frame.__struct_fields__]
    return type(frame)(ref, *values[1:])


async def _run(work: "Awaitable[None]") -> None:
    await work
