"""From node to node in order and exactly once, over a bus that may lose and repeat.

One message to each node is under way at a time; what comes meanwhile goes into the next one. So at a low rate an item
leaves at once, and at a high one a message carries hundreds: a message costs some 300 µs of CPU, whatever is in it.

    message = AES-256-GCM(key of (from, to), its number; items)     sent again, byte for byte, until it is acknowledged

The keys are derived from the keyring: who is on the bus and has no keyring can neither read nor speak. A node's number
is never used again, so no nonce is. A node that is fenced is gone: nothing more is sent to it or taken from it.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sayso.server.cluster_port import MESSAGE_BYTES, Bus, Delivery, Nodes
from sayso.server.services.cluster.messages import AnyItem, decoder, encoder

_HEAD: Final = struct.Struct(">IIQ")
_RETRY_S: Final = 0.1
_WATCH_S: Final = 1.0
_ITEMS_MAX: Final = 4096
_log = structlog.get_logger()


class Channels:
    """This node's channels to and from all others."""

    def __init__(self, node: int, *, secret: bytes, bus: Bus, nodes: Nodes) -> None:
        """Wire it; `received` and `gone` are set before `run`.

        Args:
            node: this one.
            secret: the same for all nodes, and for nobody else: of the keyring.
            bus: the way between nodes.
            nodes: who else lives.
        """
        self.received: Callable[[int, AnyItem], None] = _ignore
        self.gone: Callable[[int], None] = lambda _node: None
        self._node = node
        self._secret = secret
        self._bus = bus
        self._nodes = nodes
        self._peers: dict[int, _Peer] = {}
        self._last: dict[int, int] = {}
        self._keys: dict[tuple[int, int], AESGCM] = {}
        self._gone: set[int] = set()
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Listen, send and watch until cancelled."""
        await self._bus.listen(self._node, self._receive)
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for number, peer in self._peers.items():
                tasks.create_task(self._send_all(number, peer))
            while True:
                await asyncio.sleep(_WATCH_S)
                await self._watch()

    def is_gone(self, node: int) -> bool:
        """Whether a node is fenced, as far as this one knows."""
        return node in self._gone

    def send(self, node: int, item: AnyItem) -> None:
        """Send an item; nothing happens where the node is gone, and `gone` has been or will be called."""
        if node in self._gone:
            return
        peer = self._peers.get(node)
        if peer is None:
            peer = self._peers[node] = _Peer()
            if self._tasks is not None:
                self._tasks.create_task(self._send_all(node, peer))
        peer.queue.append(item)
        peer.work.set()

    async def _send_all(self, node: int, peer: "_Peer") -> None:
        while node not in self._gone:
            await peer.work.wait()
            peer.work.clear()
            while peer.queue and node not in self._gone:
                peer.number += 1
                await self._bring(node, self._sealed(node, peer.number, _take(peer.queue)))

    async def _bring(self, node: int, message: bytes) -> None:
        while node not in self._gone:
            if await self._bus.deliver(node, message) is Delivery.ACKNOWLEDGED:
                return
            await asyncio.sleep(_RETRY_S)

    async def _watch(self) -> None:
        """See which nodes are no longer among the living; `living` fences those that are silent."""
        known = {*self._peers, *self._last} - self._gone
        if not known:
            return
        for node in known - set(await self._nodes.living()):
            _log.warning("node-gone")
            self._gone.add(node)
            peer = self._peers.pop(node, None)
            if peer is not None:
                peer.queue.clear()
                peer.work.set()
            self.gone(node)

    def _receive(self, message: bytes) -> bool:
        """Take a message off the bus; whether it is to be acknowledged."""
        if len(message) < _HEAD.size:
            return False
        sender, to, number = _HEAD.unpack_from(message)
        if to != self._node or sender in self._gone:
            return False
        last = self._last.get(sender, 0)
        if number <= last:
            return True
        if number != last + 1:
            return False
        items = self._opened(message, sender, to, number)
        if items is None:
            return False
        self._last[sender] = number
        for item in items:
            self.received(sender, item)
        return True

    def _opened(self, message: bytes, sender: int, to: int, number: int) -> list[AnyItem] | None:
        try:
            content = self._key(sender, to).decrypt(_nonce(number), message[_HEAD.size :], message[: _HEAD.size])
            return decoder.decode(content)
        except InvalidTag:
            _log.warning("bus-message-refused")
        except msgspec.DecodeError:  # of a version that says more: it is sent again, to whoever takes this one's place
            _log.warning("bus-message-unreadable")
        return None

    def _sealed(self, node: int, number: int, items: list[AnyItem]) -> bytes:
        head = _HEAD.pack(self._node, node, number)
        return head + self._key(self._node, node).encrypt(_nonce(number), encoder.encode(items), head)

    def _key(self, sender: int, to: int) -> AESGCM:
        key = self._keys.get((sender, to))
        if key is None:
            info = b"sayso/bus/1" + _HEAD.pack(sender, to, 0)
            key = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._secret))
            self._keys[sender, to] = key
        return key


class _Peer:
    """What is to be sent to one node."""

    __slots__ = ("number", "queue", "work")

    def __init__(self) -> None:
        self.queue: deque[AnyItem] = deque()
        self.work = asyncio.Event()
        self.number = 0


def _take(queue: deque[AnyItem]) -> list[AnyItem]:
    """Take items for one message, at least one."""
    items = [queue.popleft()]
    used = _size(items[0])
    while queue and len(items) < _ITEMS_MAX and (used := used + _size(queue[0])) <= MESSAGE_BYTES:
        items.append(queue.popleft())
    return items


def _size(item: AnyItem) -> int:
    """Return an upper bound of an item's encoded bytes."""
    frame = getattr(item, "frame", None)
    return 256 + sum(len(part.envelope) + 96 for part in getattr(frame, "parts", ()))


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _ignore(_node: int, _item: AnyItem) -> None:
    pass
