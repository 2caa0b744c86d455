"""Two network namespaces and the wire between them: phones on one end, everybody else on the other.

This process lives in the phones' namespace; `sayso demo story` starts it there by `unshare --net --mount`. IPv6 is off
before the links come up, since a fresh veth speaks by itself. Carrier and phones meet by Unix path sockets, which cross
namespaces, as radio does.
"""

import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sayso.demo.errors import DemoError

PHONE: Final = "10.77.0.2"
WORLD: Final = "10.77.0.1"
SERVER: Final = "10.77.1.1"
_EVERYTHING: Final = 3
"""ETH_P_ALL."""
_MOST: Final = 262_144
_PCAP_HEAD: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, _MOST, 1)
_START_S: Final = 60.0


class Wire:
    """Counts every packet of this namespace, and writes them into a file while told to."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERYTHING))
        self._file: Path | None = None
        self._guard = threading.Lock()
        self.seen = 0
        """Packets since `record` was called last, on every interface, lo too."""
        self.seen_outside = 0
        """The same, without lo."""
        threading.Thread(target=self._capture, daemon=True).start()

    def record(self, file: Path) -> None:
        """From now on write into this file, a new one, and count from 0."""
        with self._guard:
            file.write_bytes(_PCAP_HEAD)
            self._file, self.seen, self.seen_outside = file, 0, 0

    def _capture(self) -> None:
        while True:
            frame, (interface, *_) = self._socket.recvfrom(_MOST)
            now = time.time()
            with self._guard:
                if self._file is None:
                    continue
                self.seen += 1
                if interface == "lo":
                    continue  # it is counted; each packet of lo is seen twice, which no reader expects
                self.seen_outside += 1
                head = struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(frame), len(frame))
                with self._file.open("ab") as stream:
                    stream.write(head + frame)

    @staticmethod
    def counters(*, loopback: bool = True) -> int:
        """Return packets sent and received so far on all interfaces, or on all but lo, as the kernel counts them."""
        total = 0
        for line in Path("/proc/net/dev").read_text(encoding="ascii").splitlines()[2:]:
            name, _, counted = line.partition(":")
            fields = counted.split()
            if loopback or name.strip() != "lo":
                total += int(fields[1]) + int(fields[9])
        return total


class Network:
    """What was built."""

    def __init__(self, world: int, wire: Wire) -> None:
        self._world = world
        self.wire: Final = wire

    def in_world(self, words: list[str]) -> list[str]:
        """Return the command that runs `words` among everybody else."""
        return ["nsenter", f"--net=/proc/{self._world}/ns/net", *words]


@contextlib.contextmanager
def built(folder: Path, mirror: Path) -> Iterator[Network]:
    """Build it, and take it down at the end.

    Args:
        folder: for the resolver's configuration.
        mirror: what the mirror of the updates hands out.

    Raises:
        DemoError: this machine does not let us.
    """
    mirror.mkdir(parents=True, exist_ok=True)
    words = ["unshare", "--net", "sh", "-ec", _INSIDE, "sh", sys.executable, WORLD, str(mirror)]
    keeper = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603  our own words
    try:
        if keeper.stdout is None or keeper.stdout.readline() != b"namespace\n":
            raise DemoError("this machine gives no network namespaces; run the story as root")
        _join(keeper.pid, folder)
        if keeper.stdout.readline() != b"ready\n":
            raise DemoError("everybody else did not start")
        yield Network(keeper.pid, Wire())
    finally:
        keeper.kill()
        keeper.wait()


_MACS: Final = ("02:00:00:00:00:02", "02:00:00:00:00:01")
"""Phone and world, known to each other: the kernel would else ask after a neighbour seconds after the last word."""
_SILENCE: Final = "for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 > $f; done"
_INSIDE: Final = f"""{_SILENCE}
echo namespace
until ip link show world0 >/dev/null 2>&1; do sleep 0.05; done
ip link set lo up
ip address add {WORLD}/24 dev world0
ip link set world0 up
ip neigh replace {PHONE} lladdr {_MACS[0]} dev world0 nud permanent
ip route add local 0.0.0.0/0 dev lo
exec "$1" -m sayso.demo.story.everyone "$2" "$3"
"""


def _join(world: int, folder: Path) -> None:
    resolver = folder / "resolv.conf"
    resolver.write_text(f"nameserver {WORLD}\noptions timeout:1 attempts:1\n", encoding="ascii")
    commands = f"""{_SILENCE}
ip link set lo up
ip link add phone0 address {_MACS[0]} type veth peer name world0 address {_MACS[1]} netns {world}
ip address add {PHONE}/24 dev phone0
ip link set phone0 up
ip neigh replace {WORLD} lladdr {_MACS[1]} dev phone0 nud permanent
ip route add default via {WORLD}
mount --bind "$1" "$2"
until ip link show phone0 | grep -q 'state UP'; do sleep 0.05; done
"""
    words = ["sh", "-ec", commands, "sh", str(resolver), os.path.realpath("/etc/resolv.conf")]
    done = subprocess.run(words, capture_output=True, check=False, timeout=_START_S)  # noqa: S603  our own words
    if done.returncode != 0:
        raise DemoError("the namespaces cannot be joined: install iproute2, and run the story as root")
