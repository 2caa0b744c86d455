"""What keys open of TLS, through tshark (the program), which writes the bytes that it decrypted. `quic`: of QUIC.

    capture + keys --tshark--> decrypted records in order --connection--> HTTP/1, HTTP/2, WebSocket, other

tshark decrypts; what the bytes are, our own parsers say, as for bytes in the clear.
"""

import resource
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from sayso.audit.adapters.readers.connection import Connection
from sayso.audit.adapters.readers.pcap_file import blocks
from sayso.audit.core.model import Direction, Event, Peer
from sayso.audit.errors import CorruptCaptureError

PROGRAM: Final = "tshark"
UPPER_PDU: Final = 252
"""Link type of what tshark exports: tags, then the bytes."""
LOOKED_AT = 8 * 1024 * 1024
"""Bytes of a pcapng in which its keys are looked for: they stand before the packets."""
MEMORY_BYTES = 2 * 1024 * 1024 * 1024
_SECRETS_BLOCK: Final = (b"\x0a\x00\x00\x00", b"\x00\x00\x00\x0a")
_TLS_KEYS: Final = (b"\x4b\x53\x4c\x54", b"\x54\x4c\x53\x4b")
_IP4_SOURCE, _IP4_TARGET, _IP6_SOURCE, _IP6_TARGET, _SOURCE_PORT, _TARGET_PORT = 20, 21, 22, 23, 25, 26
_TCP = 6
Key = tuple[bytes, int, bytes, int, int]


class Opened:
    """The conversations that keys have opened, and the number that the next exchange has."""

    def __init__(self) -> None:
        self.streams: frozenset[Key] = frozenset()
        self.records = 0
        self.names: dict[bytes, str] = {}
        """Of addresses, as QUIC's hellos tell them: who listens to Initial packets can read those."""


def holds_secrets(path: Path) -> bool:
    """Whether a pcapng holds TLS keys itself (a Decryption Secrets Block)."""
    with path.open("rb") as file:
        head = file.read(LOOKED_AT)
    if not head.startswith(b"\x0a\x0d\x0d\x0a"):
        return False
    return any(kind in head for kind in _TLS_KEYS) and any(block in head for block in _SECRETS_BLOCK)


def read(path: Path, keylog: Path | None, opened: Opened) -> Iterator[Event]:
    """Yield what the keys open; `opened` then knows which conversations that were.

    Raises:
        CorruptCaptureError: tshark is not installed or fails.
    """
    conversations = Conversations()
    yield from _exported(_started(program(path.name), path, keylog), conversations, path.name)
    opened.streams, opened.records = frozenset(conversations.opened), conversations.records


def program(name: str) -> str:
    """Where tshark lies.

    Raises:
        CorruptCaptureError: it is not installed.
    """
    found = shutil.which(PROGRAM)
    if found is None:
        raise CorruptCaptureError(
            f"{name}: it has keys, and to use them takes tshark, which is not installed (sudo apt-get install tshark);"
            " it was searched without them"
        )
    return found


def limited(command: list[str]) -> "subprocess.Popen[bytes]":
    """Start tshark within its limits; its output is a pipe."""
    return subprocess.Popen(  # noqa: S603  a program found by name, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=_limits,  # noqa: PLW1509  this process has one thread
    )


def _limits() -> None:
    """For tshark itself, which maps more memory than our reader may have; called in the new process, before it."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES if hard < 0 else min(MEMORY_BYTES, hard), hard))


def _started(program: str, path: Path, keylog: Path | None) -> "subprocess.Popen[bytes]":
    # Desegmentation off: a body is exported once, piece by piece, and not again as a whole. TLS keeps its own: without
    # it tshark exports nothing of a connection to another port than 443.
    # What a stream looks like goes before what its port is for: TLS on the port of XMPP or mail is TLS.
    options = ["http.desegment_headers:FALSE", "http.desegment_body:FALSE", "tcp.try_heuristic_first:TRUE"]
    if keylog is not None:
        options.append(f"tls.keylog_file:{keylog}")
    command = [program, "-n", "-r", str(path), "-Y", "tls", "-U", "OSI layer 7", "-w", "-"]
    for option in options:
        command += ["-o", option]
    return limited(command)


def _exported(process: "subprocess.Popen[bytes]", conversations: "Conversations", name: str) -> Iterator[Event]:
    if process.stdout is None:  # pragma: no cover  we asked for a pipe
        raise CorruptCaptureError(f"{name}: tshark has no voice")
    try:
        for packet in blocks(process.stdout.read, name):
            if packet.link == UPPER_PDU:
                yield from conversations.feed(packet.data, packet.time)
    except CorruptCaptureError:
        if process.wait() == 0:
            raise
        raise CorruptCaptureError(f"{name}: tshark could not read it to its end") from None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    yield from conversations.end()


class Conversations:
    """Decrypted bytes of many connections, as tshark exports them."""

    def __init__(self) -> None:
        self._open: dict[Key, Connection] = {}
        self.records = 0

    @property
    def opened(self) -> Iterable[Key]:
        """The conversations that something was decrypted of."""
        return self._open.keys()

    def _number(self) -> int:
        self.records += 1
        return self.records - 1

    def feed(self, data: bytes, time: float) -> Iterator[Event]:
        """Take one exported record."""
        tags, payload = _tags(data)
        ends = (tags.get(_IP4_SOURCE) or tags.get(_IP6_SOURCE), tags.get(_IP4_TARGET) or tags.get(_IP6_TARGET))
        source, target = ends
        if source is None or target is None or not payload:
            return
        sport, dport = int.from_bytes(tags.get(_SOURCE_PORT, b"")), int.from_bytes(tags.get(_TARGET_PORT, b""))
        key: Key = (source, sport, target, dport, _TCP)
        back: Key = (target, dport, source, sport, _TCP)
        sent = key in self._open or (back not in self._open and sport >= dport)
        key = key if sent else back
        connection = self._open.get(key)
        if connection is None:
            ip = str(ip_address(key[2])) if len(key[2]) in {4, 16} else ""
            connection = self._open[key] = Connection(self._number, Peer(ip, ip, key[3]), time, encrypted=True)
        yield from connection.feed(Direction.SENT if sent else Direction.RECEIVED, payload, time)

    def end(self) -> Iterator[Event]:
        """No more records."""
        for connection in self._open.values():
            yield from connection.end()


def _tags(data: bytes) -> tuple[dict[int, bytes], bytes]:
    """The tags of an exported record (wsutil/exported_pdu_tlvs.h) and what follows them."""
    tags: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        kind, size = int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 4])
        at += 4
        if kind == 0:
            break
        tags.setdefault(kind, data[at : at + size])
        at += size
    return tags, data[at:]
