"""Linking two lines of one phone: the server, and whoever reads beside it, looks for a string that both have said.

Real phones (their lines, clients, gates, stores and ratchet) at a real server, through a proxy that writes down the
plaintext of HTTP and streams. Of what two lines of one phone have in common, everything must also be in the traffic of
somebody else's line that does the same at the same time: that ties nobody to anybody. What it is, `CONSTANT` lists.
"""

import asyncio
import base64
import binascii
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.gate import Connection, Gate
from sayso.consent.policy import current_policy
from sayso.consent.ports import Journal
from sayso.consent.records import VerifiedConsent
from sayso.phone import command_types as ask
from sayso.phone.adapters.command_feed import CommandFeed
from sayso.phone.adapters.control_client import ControlClient
from sayso.phone.adapters.hardening import harden_in_thread
from sayso.phone.adapters.store import Store
from sayso.phone.adapters.stream_client import StreamClient
from sayso.phone.adapters.system import SystemClock, SystemRandom
from sayso.phone.adapters.vodozemac_ratchet import VodozemacRatchet
from sayso.phone.app import line_of
from sayso.phone.core.lines import LineState
from sayso.phone.core.texts import Text
from sayso.phone.line.owner import Owner
from sayso.phone.line.service import LineService
from sayso.phone.line.world import Reach, World
from sayso.protocol.ids import DeviceId, KeyDigest
from tests.aio import run
from tests.fakes.modem import FakeNetwork
from tests.fakes.real_server import RealServer, real_server
from tests.fakes.recorder import Passed, Recorder
from tests.fakes.set_cache import MemorySetCache

pytestmark = pytest.mark.slow

WINDOW = 8
SERVICE = "+12025550100"
BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{11,}={0,2}")
TO = re.compile(rb"X-Kannel-To: (\+[0-9]+)")
FIRST, SECOND, OTHER = "+447700900001", "+447700900002", "+447700900003"
FRIENDS = {FIRST: "+447700900011", SECOND: "+447700900012", OTHER: "+447700900013"}
CONSTANT = (
    b"POST /v1/enrolments HTTP/1.1\r\n",
    b"GET /v1/stream HTTP/1.1\r\n",
    b'"schema_version":"sayso-consent-1"',
    b'"policy":{',
    b"sayso-receipt-1",
    b'"registrar_key":',
    b"urn:sayso:problem:bad-nonce",
)
"""What everybody's traffic has in common: HTTP and WebSocket heads, member names, the statement with the server's keys,
the policy, the server's address and key digest in consent records and receipts, day and minute, limits, problems."""


class MarkedGate(Gate):
    """A gate that remembers from which ports its connections went."""

    ports: set[int]

    async def connect(self, host: str, port: int, *, purpose: str) -> Connection:
        """Open a connection."""
        connection = await super().connect(host, port, purpose=purpose)
        self.ports.add(connection.socket.getsockname()[1])
        return connection


@dataclass
class Phone:
    """A real phone with lines; the modems are in memory."""

    services: dict[str, LineService] = field(default_factory=dict)
    ports: dict[bytes, set[int]] = field(default_factory=dict)
    owner: Owner = field(init=False)
    store: Store = field(init=False)

    def open_reach(
        self, consent: VerifiedConsent, *, device: DeviceId, key: Ed25519PrivateKey, journal: Journal
    ) -> Reach:
        gate = MarkedGate(consent, journal=journal, now=time.time)
        gate.ports = self.ports.setdefault(consent.record.line, set())
        server = KeyDigest(consent.record.server_key)
        return Reach(
            gate=gate,
            control=ControlClient(gate, consent.record.server, device=device, key=key, server=server),
            stream=StreamClient(gate, device=device, key=key, server=server),
        )

    @asynccontextmanager
    async def running(self, network: FakeNetwork, *numbers: str) -> AsyncIterator["Phone"]:
        random = SystemRandom()
        store = self.store = Store(None, random.token_bytes(32))
        self.owner = Owner(store, CommandFeed())
        world = World(
            store=store,
            clock=SystemClock(),
            random=random,
            ratchet=VodozemacRatchet(random.token_bytes(32)),
            sets=MemorySetCache(),
            open_reach=self.open_reach,
            news=self.owner,
            policy=current_policy(),
            harden=harden_in_thread,
        )
        async with asyncio.TaskGroup() as tasks:
            running = []
            for number in numbers:
                service = LineService(world, line_of(store, random, number), network.modem(number))
                self.services[number] = service
                self.owner.serve(service)
                running.append(tasks.create_task(service.run()))
            yield self
            for task in running:
                task.cancel()
        store.close()

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until something is so; looked at after each event of this phone."""
        async with self.owner.watch() as events:
            while not done():
                await anext(events)

    async def opt_in(self, server: RealServer, url: str, number: str) -> None:
        """Say yes on one line; the code comes by SMS."""
        service = self.services[number]
        await self.until(lambda: service.sim.number == number)
        await service.opt_in(server=url, server_key=server.key, number=None, findable="everyone", method="test")
        await self.until(lambda: service.line.state is LineState.ON and service.connected)

    async def text(self, number: str, to: "Phone", other: str) -> None:
        """Write from one line to a line of another phone, until it is there."""
        self.services[number].send(other, "hello")
        await to.until(lambda: any(text.direction == "in" for text in to.texts(other)))

    def texts(self, number: str) -> list[Text]:
        """A line's texts."""
        return self.store.texts.newest(line=self.services[number].id, number=None, limit=100)

    def said(self, number: str, *recorders: Recorder) -> list[Passed]:
        """What one line has said and heard."""
        ports = self.ports[self.services[number].id]
        return [passed for recorder in recorders for port, passed in recorder.passed.items() if port in ports]


async def carry_codes(server: RealServer, network: FakeNetwork) -> None:
    """Take each SMS to its SIM, as the operator does."""
    while True:
        text = (await server.kannel.taken.get()).decode()
        to = TO.search(server.kannel.heads[-1])
        assert to is not None
        network.inject(SERVICE, to[1].decode(), text)


async def play(folder: Path) -> dict[str, list[Passed]]:
    """Let the lines of one phone, and one of another, live a whole life at one server; return what each has said."""
    network = FakeNetwork(now=time.time())
    http, stream = Recorder(), Recorder()
    everyone = Phone(), Phone(), Phone()
    ours, other, friends = everyone
    async with http.running(), stream.running():
        public = f"ws://127.0.0.1:{stream.port}/v1/stream"
        async with (
            real_server(folder, "--plain-keyring", "--public-stream", public) as server,
            ours.running(network, FIRST, SECOND),
            other.running(network, OTHER),
            friends.running(network, *FRIENDS.values()),
            asyncio.TaskGroup() as tasks,
        ):
            http.target, stream.target = port_of(server.said["http"]), server.stream_port
            carrying = tasks.create_task(carry_codes(server, network))
            url = f"http://127.0.0.1:{http.port}"
            lines = [(ours, FIRST), (ours, SECOND), (other, OTHER)]
            await asyncio.gather(*(friends.opt_in(server, url, number) for number in FRIENDS.values()))
            # At one time, as when both SIMs of a new phone are switched on: whatever tells the time is common to all.
            await asyncio.gather(*(phone.opt_in(server, url, number) for phone, number in lines))
            await asyncio.gather(*(phone.text(number, friends, FRIENDS[number]) for phone, number in lines))
            await asyncio.gather(*(friends.text(FRIENDS[number], phone, number) for phone, number in lines))
            for phone, number in lines:
                await phone.owner.handle(ask.Me(line=number))
            await asyncio.gather(*(phone.services[number].opt_out() for phone, number in lines))
            found = {number: phone.said(number, http, stream) for phone, number in lines}
            carrying.cancel()
    return found


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def texts(passed: Iterable[Passed]) -> Iterator[bytes]:
    """Yield all that passed, readable: a stream's strings one by one, and what lies in base64 as bytes too."""
    for one in passed:
        for said in (*parts(bytes(one.to_server)), *parts(bytes(one.to_client))):
            yield said
            for found in BASE64.finditer(said):
                word = found[0].rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
                try:
                    yield from strings(base64.b64decode(word + b"=" * (-len(word) % 4)))
                except binascii.Error:
                    continue


def parts(said: bytes) -> Iterator[bytes]:
    """Yield HTTP as it is; of a WebSocket the head, then what its messages hold."""
    head, end, rest = said.partition(b"\r\n\r\n")
    yield head + end
    if b"upgrade: websocket" in head.lower():
        for payload in payloads(rest):
            yield from strings(payload)
    else:
        yield said


def strings(said: bytes) -> Iterator[bytes]:
    """Yield the strings in MessagePack, each by itself; what is none, as it is.

    Between two of them lie few bytes that are the same for everybody (a TTL, the second of a certificate, a length).
    With the first byte of what follows they make eight; two lines have these in common, and a third not, by chance.
    """
    try:
        found = msgspec.msgpack.decode(said)
    except (msgspec.DecodeError, TypeError, ValueError, RecursionError):
        found = None
    if isinstance(found, list | dict):
        yield from leaves(found)
    else:
        yield said


def leaves(found: object) -> Iterator[bytes]:
    """Yield strings, and numbers that are as long as one that could tie somebody."""
    match found:
        case bytes():
            yield found
        case str():
            yield found.encode()
        case int() if found >= 1 << 48:
            yield found.to_bytes(WINDOW, "big")
        case list():
            for one in found:
                yield from leaves(one)
        case dict():
            for pair in found.items():
                yield from leaves(list(pair))
        case msgspec.msgpack.Ext():
            yield bytes(found.data)
        case _:
            pass


def payloads(said: bytes) -> Iterator[bytes]:
    """Yield the payloads of WebSocket frames, without their masks (RFC 6455, section 5.2)."""
    at = 0
    while at + 2 <= len(said):
        length, masked = said[at + 1] & 0x7F, said[at + 1] & 0x80
        at += 2
        if extended := {126: 2, 127: 8}.get(length, 0):
            length = int.from_bytes(said[at : at + extended], "big")
            at += extended
        mask = said[at : at + 4] if masked else bytes(4)
        at += len(mask) if masked else 0
        yield bytes(byte ^ mask[place % 4] for place, byte in enumerate(said[at : at + length]))
        at += length


def windows(said: bytes) -> Iterator[bytes]:
    """Yield every string of eight bytes."""
    return (said[at : at + WINDOW] for at in range(len(said) - WINDOW + 1))


def all_windows(passed: Iterable[Passed]) -> set[bytes]:
    """Return every string of eight bytes that was said."""
    return {window for said in texts(passed) for window in windows(said)}


def own_windows(passed: Iterable[Passed], constant: set[bytes]) -> set[bytes]:
    """Return what was said, in eights, where no byte of it is part of what somebody else says too."""
    found: set[bytes] = set()
    for said in texts(passed):
        own = bytearray(b"\1" * len(said))
        for at, window in enumerate(windows(said)):
            if window in constant:
                own[at : at + WINDOW] = bytes(WINDOW)
        found |= {window for at, window in enumerate(windows(said)) if all(own[at : at + WINDOW])}
    return found


def ties(one: Iterable[Passed], two: Iterable[Passed], *, somebody: Iterable[Passed]) -> set[bytes]:
    """Return what two lines have in common, beside what is constant for everybody."""
    constant = all_windows(somebody)
    return own_windows(one, constant) & own_windows(two, constant)


def test_two_lines_of_one_phone_share_nothing_that_others_do_not(tmp_path: Path) -> None:
    said = run(play(tmp_path), patience=120)
    everybody = all_windows(said[OTHER])
    common = all_windows(said[FIRST]) & all_windows(said[SECOND]) & everybody
    for number in (FIRST, SECOND):
        assert len(own_windows(said[number], everybody)) > 20_000, "the whole life of a line was heard"
    for known in CONSTANT:
        assert set(windows(known)) <= common, known
    assert ties(said[FIRST], said[SECOND], somebody=said[OTHER]) == set()


def passed(to_server: bytes = b"", to_client: bytes = b"") -> list[Passed]:
    return [Passed(bytearray(to_server), bytearray(to_client))]


def stream(*frames: list[object], mask: bytes = b"") -> bytes:
    """Return a WebSocket with one message of some of the stream's frames."""
    payload = msgspec.msgpack.encode(frames)
    head = bytes([0x82, len(payload) | (0x80 if mask else 0)]) + mask
    return b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n" + head + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload)) if mask else payload


SECRET = b"\x01PLANTED\xff"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (passed(b"GET / HTTP/1.1\r\nCookie: id=abcdefgh"), passed(b"abcdefgh")),
        (passed(b"x" + SECRET), passed(b"", SECRET + b"y")),
        (passed(b'"' + base64.b64encode(b"1" + SECRET) + b'"'), passed(b'"' + base64.b64encode(b"22" + SECRET) + b'"')),
        (passed(base64.urlsafe_b64encode(b"\xfb\xff" + SECRET)), passed(SECRET)),
        (passed(stream([1, SECRET], mask=b"MASK")), passed(b"", SECRET)),
        (passed(b"", stream([5, 2], [1, SECRET])), passed(SECRET)),
        (passed(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x82\x09" + SECRET), passed(SECRET)),
    ],
)
def test_a_planted_tie_is_found(one: list[Passed], two: list[Passed]) -> None:
    assert ties(one, two, somebody=[])
    assert not ties(one, two, somebody=[*one])


def test_what_lies_between_strings_ties_nobody() -> None:
    """A TTL, then 32 bytes whose first one is the same by chance."""
    one, two = (passed(stream([4, 604_800, b"\xc0" + bytes([number]) * 31])) for number in (1, 2))
    assert not ties(one, two, somebody=passed(stream([4, 604_800, b"\xc1" + bytes(31)])))
    together = passed(b"", stream([5, 1, 1], [5, 2, 2], [8, 3]))
    assert not ties(together, together, somebody=passed(b"", stream([5, 1, 1])))


def test_a_long_number_ties() -> None:
    one = passed(stream([1, {"id": 0x0123_4567_89AB_CDEF}]))
    assert ties(one, passed(b"", stream([2, 0x0123_4567_89AB_CDEF])), somebody=passed())
