"""Network namespaces joined by wires that lose, delay or cut: TUN devices, and a forwarder of our own between them.

The kernel's own `netem` is not on every machine; here a packet is read on one side and written on the other, or not. So
TCP sees what it would see of a bad link.

    node (its own namespace, 10.79.0.11…) ══ wire ══ hub (10.79.0.1 PostgreSQL, 10.79.0.2 NATS)

Phones are on the node's own loopback: a phone's connection breaks with the process, never with the wire.
"""

import asyncio
import ctypes
import fcntl
import os
import random
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Self, TypeVar

from tests.accounting import not_tested

POSTGRES: Final = "10.79.0.1"
NATS: Final = "10.79.0.2"
_CLONE_NEWNET: Final = 0x40000000
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN_NO_PI: Final = 0x1001
_PACKET: Final = 65_536
_ADDRESSES: Final = slice(12, 20)

T = TypeVar("T")


class Namespaces:
    """A hub and so many nodes, each in a network namespace of its own."""

    def __init__(self, nodes: int) -> None:
        if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):  # noqa: PTH110
            not_tested("network namespaces joined by TUN devices need root and /dev/net/tun")
        self._base = f"sy{os.getpid()}"
        self.hub = f"{self._base}h"
        self.nodes = [f"{self._base}n{number}" for number in range(nodes)]
        self.wires: list[Wire] = []

    def __enter__(self) -> Self:
        for name in (self.hub, *self.nodes):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        for address in (POSTGRES, NATS):
            _ip("-n", self.hub, "addr", "add", f"{address}/32", "dev", "lo")
        for number, node in enumerate(self.nodes):
            own = f"10.79.0.{11 + number}"
            here, there = f"w{number}", "w"
            wire = Wire(_tun(self.hub, here), _tun(node, there))
            self.wires.append(wire)
            for name, device in ((self.hub, here), (node, there)):
                subprocess.run(
                    [
                        "ip",
                        "netns",
                        "exec",
                        name,
                        "sh",
                        "-c",
                        f"echo 1 > /proc/sys/net/ipv6/conf/{device}/disable_ipv6",
                    ],
                    check=False,
                    stderr=subprocess.DEVNULL,
                )
                _ip("-n", name, "link", "set", device, "up")
            _ip("-n", self.hub, "route", "add", f"{own}/32", "dev", here)
            _ip("-n", node, "addr", "add", f"{own}/32", "dev", there)
            _ip("-n", node, "route", "add", "10.79.0.0/30", "dev", there, "src", own)
        return self

    def __exit__(self, *_: object) -> None:
        for wire in self.wires:
            wire.close()
        for name in (self.hub, *self.nodes):
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)

    async def dial(self, node: int, port: int) -> socket.socket:
        """Connect to a port on a node's loopback, from inside its namespace."""

        def connect() -> socket.socket:
            sock = socket.create_connection(("127.0.0.1", port), timeout=5)
            sock.setblocking(False)
            return sock

        return await asyncio.to_thread(lambda: inside(self.nodes[node], connect))


class Wire:
    """Carries packets both ways. Healthy until told otherwise."""

    def __init__(self, hub: int, node: int) -> None:
        self.loss = 0.0
        self.delay_s = 0.0
        self.cut: frozenset[str] = frozenset()
        """Addresses of the hub that the node cannot reach."""
        self._ends = (hub, node)
        self._random = random.Random(7)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.dropped = 0

    def run(self) -> None:
        """Carry, in the running loop."""
        self._loop = asyncio.get_running_loop()
        for near, far in (self._ends, self._ends[::-1]):
            self._loop.add_reader(near, self._carry, near, far)

    def heal(self) -> None:
        """Be a good wire again."""
        self.loss = self.delay_s = 0.0
        self.cut = frozenset()

    def close(self) -> None:
        """Let go of both ends."""
        for end in self._ends:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(end)
            os.close(end)

    def _carry(self, near: int, far: int) -> None:
        for _ in range(64):
            try:
                packet = os.read(near, _PACKET)
            except BlockingIOError:
                return
            if self._is_cut(packet) or self._random.random() < self.loss:
                self.dropped += 1
            elif self.delay_s and self._loop is not None:
                self._loop.call_later(self.delay_s, _write, far, packet)
            else:
                _write(far, packet)

    def _is_cut(self, packet: bytes) -> bool:
        if not self.cut:
            return False
        source, target = (socket.inet_ntoa(packet[_ADDRESSES][at : at + 4]) for at in (0, 4))
        return source in self.cut or target in self.cut


def inside(namespace: str, work: Callable[[], T]) -> T:
    """Do something in a network namespace: a thread goes there, and what it opens stays there."""
    done: list[T] = []
    failed: list[BaseException] = []

    def go() -> None:
        try:
            descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(descriptor)
            done.append(work())
        except BaseException as error:  # noqa: BLE001  goes to the caller's thread
            failed.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def _tun(namespace: str, name: str) -> int:
    def make() -> int:
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode("ascii"), _IFF_TUN_NO_PI))
        return descriptor

    return inside(namespace, make)


def _write(end: int, packet: bytes) -> None:
    with suppress(OSError):  # the wire is closed, or its queue is full: lost
        os.write(end, packet)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
