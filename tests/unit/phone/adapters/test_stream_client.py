"""The stream's phone side against an honest server, and against servers that are anything else."""

import asyncio
import base64
import hashlib
import ssl
import struct
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from picows import WSCloseCode, WSMsgType

from sayso.consent.errors import GateClosedError
from sayso.consent.gate import Gate
from sayso.phone.adapters.stream_client import StreamClient, StreamTiming
from sayso.phone.errors import LoginRefusedError, StreamClosedError, UnreachableError
from sayso.phone.ports import StreamConnector
from sayso.protocol.frames import (
    Ack,
    Bye,
    ByeReason,
    CaughtUp,
    Deliver,
    Deposit,
    Error,
    ErrorCode,
    Hello,
    Login,
    Part,
    Ready,
    Unreadable,
)
from sayso.protocol.limits import LIMITS
from sayso.protocol.stream import UnknownFrame, write
from tests.aio import run
from tests.fakes.consented import DEVICE, DEVICE_KEY, SERVER, MemoryJournal, gate_to
from tests.fakes.phone_clock import settle
from tests.fakes.raw_server import Serve, raw_server
from tests.fakes.stream_server import READY, Peer, StreamServer, stream_server
from tests.fakes.tls import both_ends

SHORT = StreamTiming(login_s=0.2, idle_s=30.0, reply_s=20.0)
KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def client(gate: Gate, timing: StreamTiming | None = None, *, key: Ed25519PrivateKey = DEVICE_KEY) -> StreamClient:
    return StreamClient(gate, device=DEVICE, key=key, server=SERVER, timing=timing)


def gate_for(url: str, journal: MemoryJournal | None = None) -> Gate:
    return gate_to(url.replace("ws://", "http://").removesuffix("/v1/stream"), journal)


async def refused(told: StreamServer, timing: StreamTiming | None = None) -> Exception:
    """Connect to a server that ends it; return how, having seen that nothing was left open."""
    async with stream_server(told) as server:
        journal = MemoryJournal()
        connector: StreamConnector = client(gate_for(server.url, journal), timing)
        try:
            await connector.connect(server.url)
        except (UnreachableError, LoginRefusedError, StreamClosedError) as error:
            for peer in server.peers:
                await peer.closed.wait()
            assert journal.open == 0
            return error
    raise AssertionError("connected")


# ---- an honest server ----


def test_login() -> None:
    async def main() -> None:
        async with stream_server() as server:
            journal = MemoryJournal()
            link = await client(gate_for(server.url, journal)).connect(server.url)
            (peer,) = server.peers
            assert (link.lease_s, link.one_time_keys) == (READY.lease_s, READY.one_time_keys)
            assert [type(frame) for frame in peer.heard] == [Hello, Login]
            assert peer.heard[0] == Hello(LIMITS.protocol_version, (), b"")
            assert journal.entries[0].attempt.purpose == "messages"
            await link.close()
            await peer.closed.wait()
            assert peer.close_code == WSCloseCode.OK
            assert journal.open == 0
            assert journal.entries[0].sent_bytes not in {None, 0}

    run(main())


def test_no_header_tells_phones_apart() -> None:
    async def main() -> None:
        async with stream_server() as server:
            await (await client(gate_for(server.url)).connect(server.url)).close()
            (request,) = server.requests
            assert {name.lower() for name in request.headers} == {
                "host",
                "upgrade",
                "connection",
                "sec-websocket-version",
                "sec-websocket-key",
            }
            assert DEVICE.hex() not in str(request.headers) + request.path.decode()

    run(main())


def test_frames_in_order_with_the_rest_of_the_login_message() -> None:
    def greedy(peer: Peer, _: Login) -> None:
        peer.say(READY, CaughtUp())
        peer.say(Deliver(b"1" * 16, b"one"), Deliver(b"2" * 16, b"two"))

    async def main() -> None:
        async with stream_server(StreamServer(on_login=greedy)) as server:
            link = await client(gate_for(server.url)).connect(server.url)
            frames: list[object] = []
            while len(frames) < 3:
                frames += await link.receive()
            assert frames == [CaughtUp(), Deliver(b"1" * 16, b"one"), Deliver(b"2" * 16, b"two")]
            await link.close()

    run(main())


def test_sends_of_one_turn_travel_together() -> None:
    async def main() -> None:
        async with stream_server() as server:
            link = await client(gate_for(server.url)).connect(server.url)
            (peer,) = server.peers
            acks = [Ack(bytes([n]) * 16, Unreadable.SHOWN) for n in range(9)]
            for ack in acks:
                link.send([ack])
            await peer.until(lambda peer: len(peer.heard) == 11)
            assert peer.heard[2:] == acks
            assert len(peer.messages) == 3, "hello, login, and all acks in one"
            await link.close()

    run(main())


def test_much_at_once_is_cut_into_messages_of_256_kib() -> None:
    async def main() -> None:
        async with stream_server() as server:
            link = await client(gate_for(server.url)).connect(server.url)
            (peer,) = server.peers
            part = Part(b"d" * 16, 1, b"h" * 32, bytes(LIMITS.envelope_bytes))
            deposits = [Deposit(n + 1, b"t" * 33, 3600, b"", [part], again=False) for n in range(9)]
            link.send(deposits)
            await peer.until(lambda peer: len(peer.heard) == 11)
            assert peer.heard[2:] == deposits
            assert all(len(message) <= LIMITS.message_bytes for message in peer.messages)
            await link.close()

    run(main())


def test_what_was_sent_before_closing_arrives() -> None:
    async def main() -> None:
        async with stream_server() as server:
            link = await client(gate_for(server.url)).connect(server.url)
            ack = Ack(b"e" * 16, Unreadable.SHOWN)
            link.send([ack])
            await link.close()
            assert server.peers[0].heard[-1] == ack
            link.send([ack])
            with pytest.raises(StreamClosedError):
                await link.receive()
            await link.close()

    run(main())


def test_unknown_frames_are_handed_on_and_the_stream_stays() -> None:
    async def main() -> None:
        async with stream_server() as server:
            link = await client(gate_for(server.url)).connect(server.url)
            (peer,) = server.peers
            peer.transport.send(WSMsgType.BINARY, b"\x92\x92\x63\xa3new\x91\x0a")
            assert await link.receive() == (UnknownFrame(99), CaughtUp())
            link.send([Error(ErrorCode.UNKNOWN_FRAME, 99, "")])
            await peer.until(lambda peer: len(peer.heard) == 3)
            await link.close()

    run(main())


def test_an_unknown_frame_during_the_login_does_not_disturb() -> None:
    def newer(peer: Peer, _: Login) -> None:
        peer.transport.send(WSMsgType.BINARY, b"\x91\x91\x63")
        peer.say(READY)

    async def main() -> None:
        async with stream_server(StreamServer(on_login=newer)) as server:
            await (await client(gate_for(server.url)).connect(server.url)).close()

    run(main())


@pytest.mark.parametrize("reason", list(ByeReason))
def test_goodbye_gives_the_reason_after_what_came_before_it(reason: ByeReason) -> None:
    async def main() -> None:
        async with stream_server() as server:
            journal = MemoryJournal()
            link = await client(gate_for(server.url, journal)).connect(server.url)
            (peer,) = server.peers
            peer.say(Deliver(b"1" * 16, b"x"), Bye(reason), Deliver(b"2" * 16, b"after the end"))
            peer.transport.disconnect()
            assert await link.receive() == (Deliver(b"1" * 16, b"x"),)
            for _ in range(2):
                with pytest.raises(StreamClosedError) as closed:
                    await link.receive()
                assert closed.value.reason is reason
            await link.close()
            assert journal.open == 0

    run(main())


# ---- consent ----


def test_shutting_the_gate_ends_the_stream() -> None:
    async def main() -> None:
        async with stream_server() as server:
            journal = MemoryJournal()
            gate = gate_for(server.url, journal)
            link = await client(gate).connect(server.url)
            gate.shut()
            with pytest.raises(StreamClosedError):
                await link.receive()
            await link.close()
            await server.peers[0].closed.wait()
            assert server.peers[0].close_code is None, "no goodbye: a reset"
            assert journal.open == 0
            with pytest.raises(GateClosedError):
                await client(gate).connect(server.url)
            assert len(server.peers) == 1

    run(main())


def test_shutting_the_gate_during_the_login() -> None:
    async def main() -> None:
        told = StreamServer()
        async with stream_server(told) as server:
            gate = gate_for(server.url)
            told.on_login = lambda _peer, _login: gate.shut()
            with pytest.raises(GateClosedError):
                await client(gate).connect(server.url)

    run(main())


def test_a_stream_elsewhere_than_the_consent_says() -> None:
    async def main() -> None:
        async with stream_server() as server:
            with pytest.raises(GateClosedError):
                await client(gate_to("http://chat.example")).connect(server.url)
            assert server.requests == []

    run(main())


def test_redirects_are_not_followed() -> None:
    async def main() -> None:
        async with stream_server() as other:
            error = await refused(StreamServer(redirect=other.url))
            assert isinstance(error, UnreachableError)
            assert other.requests == []

    run(main())


# ---- refusals ----


def test_a_device_that_the_server_does_not_know() -> None:
    async def main() -> None:
        async with stream_server() as server:
            with pytest.raises(LoginRefusedError):
                await client(gate_for(server.url), key=Ed25519PrivateKey.generate()).connect(server.url)

    run(main())


def say(frame: Error | Bye | Hello | CaughtUp) -> Callable[[Peer, Login], None]:
    return lambda peer, _: peer.say(frame)


@pytest.mark.parametrize(
    "told",
    [
        StreamServer(refuse=HTTPStatus.NOT_FOUND),
        StreamServer(refuse=HTTPStatus.SERVICE_UNAVAILABLE),
        StreamServer(hello=Hello(2, (), b"n" * 32)),
        StreamServer(hello=Hello(1, (), b"")),
        StreamServer(hello=Hello(1, (), b"n" * 31)),
        StreamServer(on_login=say(Error(ErrorCode.VERSION, 1, ""))),
        StreamServer(on_login=say(Error(ErrorCode.MALFORMED, 2, ""))),
        StreamServer(on_login=say(Hello(1, (), b"n" * 32))),
        StreamServer(on_login=say(CaughtUp())),
        StreamServer(on_login=lambda peer, _: peer.transport.disconnect()),
        StreamServer(on_connected=lambda peer: peer.transport.disconnect()),
        StreamServer(hello=None, on_connected=lambda peer: peer.say(READY)),
    ],
)
def test_no_login(told: StreamServer) -> None:
    async def main() -> None:
        # A copy: a server remembers its peers.
        assert isinstance(await refused(replace(told, peers=[], requests=[])), UnreachableError)

    run(main())


def test_goodbye_instead_of_a_login() -> None:
    error = run(refused(StreamServer(on_login=say(Bye(ByeReason.STOPPING)))))
    assert isinstance(error, StreamClosedError)
    assert error.reason is ByeReason.STOPPING


@pytest.mark.parametrize("told", [StreamServer(hello=None), StreamServer(on_login=lambda _peer, _login: None)])
def test_a_server_that_never_answers(told: StreamServer) -> None:
    assert isinstance(run(refused(replace(told, peers=[]), SHORT)), UnreachableError)


def test_nobody_there() -> None:
    async def main() -> None:
        async with stream_server() as server:
            url = server.url
        with pytest.raises(UnreachableError):
            await client(gate_for(url)).connect(url)

    run(main())


@pytest.mark.parametrize("url", ["ws://", "http//x", "", "ws://127.0.0.1:x"])
def test_no_address(url: str) -> None:
    with pytest.raises(GateClosedError):
        run(client(gate_to("http://127.0.0.1:1")).connect(url))


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_a_name_that_cannot_be_looked_up(host: str) -> None:
    with pytest.raises(UnreachableError):
        run(client(gate_to(f"http://{host}")).connect(f"ws://{host}/v1/stream"))


# ---- what is no stream at all ----


def upgrade(key: bytes, extra: str = "") -> bytes:
    accept = base64.b64encode(hashlib.sha1(key + KEY_SUFFIX.encode(), usedforsecurity=False).digest()).decode()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n{extra}\r\n"
    ).encode()


async def handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    key = next(
        line.partition(b":")[2].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
    )
    writer.write(upgrade(key))


def ws_frame(first: int, payload: bytes, *, claimed: int | None = None, mask: int = 0) -> bytes:
    size = len(payload) if claimed is None else claimed
    if size < 126:
        return bytes([first, mask | size]) + payload
    if size < 65536:
        return bytes([first, mask | 126]) + struct.pack(">H", size) + payload
    return bytes([first, mask | 127]) + struct.pack(">Q", size) + payload


HELLO = write([Hello(1, (), b"n" * 32)])
BINARY, TEXT, CONTINUATION, FIN = 2, 1, 0, 0x80


def saying(*pieces: bytes, hang_up: bool = False, upgraded: bool = True) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if upgraded:
            await handshake(reader, writer)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if not hang_up:
            while await reader.read(65536):
                pass

    return serve


@pytest.mark.parametrize(
    "serve",
    [
        saying(b"", hang_up=True, upgraded=False),
        saying(b"SSH-2.0-OpenSSH_9.2\r\n", hang_up=True, upgraded=False),
        saying(b"\x00\xff" * 4000, hang_up=True, upgraded=False),
        saying(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", upgraded=False),
        saying(b"HTTP/1.1 999 \xff\xfe\r\n\xff: \xff\r\n\r\n", upgraded=False),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", upgraded=False),
        saying(upgrade(b"another key"), upgraded=False),
        saying(b"HTTP/1.1 101 x\r\n" + b"X: y\r\n" * 100_000, upgraded=False),
        saying(ws_frame(FIN | BINARY, b"no frames")),
        saying(ws_frame(FIN | BINARY, b"")),
        saying(ws_frame(FIN | BINARY, HELLO + b"\0")),
        saying(ws_frame(FIN | BINARY, b"\x91\x92\x03\x00")),
        saying(ws_frame(FIN | TEXT, HELLO)),
        saying(ws_frame(FIN | TEXT, b"\xff\xfe")),
        saying(ws_frame(BINARY, HELLO[:4]), ws_frame(FIN | CONTINUATION, HELLO[4:])),
        saying(ws_frame(FIN | CONTINUATION, HELLO)),
        saying(ws_frame(FIN | 0x40 | BINARY, HELLO)),
        saying(ws_frame(FIN | 0x20 | BINARY, HELLO)),
        saying(ws_frame(FIN | 0x10 | BINARY, HELLO)),
        saying(ws_frame(FIN | 0x0B, b"")),
        saying(ws_frame(FIN | BINARY, b"m" * 4 + HELLO, mask=0x80)),
        saying(ws_frame(FIN | BINARY, bytes(LIMITS.message_bytes + 1))),
        saying(ws_frame(FIN | BINARY, b"x", claimed=300_000_000)),
        saying(ws_frame(FIN | BINARY, b"x", claimed=2**63)),
        saying(ws_frame(FIN | BINARY, b"", claimed=200)[:3], hang_up=True),
        saying(ws_frame(FIN | BINARY, HELLO)[:10], hang_up=True),
        saying(ws_frame(FIN | 8, b"\x03")),
        saying(ws_frame(FIN | 8, struct.pack(">H", 1001) + b"bye")),
        saying(ws_frame(FIN | BINARY, HELLO), ws_frame(FIN | 8, struct.pack(">H", 1001))),
        saying(ws_frame(FIN | BINARY, HELLO), ws_frame(FIN | BINARY, HELLO)),
        saying(*[ws_frame(FIN | BINARY, b"\x91\x91\x63")] * 5000, hang_up=True),
    ],
)
def test_no_stream(serve: Serve) -> None:
    async def main() -> None:
        async with raw_server(serve) as place:
            journal = MemoryJournal()
            with pytest.raises(UnreachableError):
                await client(gate_to(f"http://{place}", journal), replace(SHORT, login_s=5.0)).connect(f"ws://{place}/")
            assert journal.open == 0

    run(main())


@pytest.mark.parametrize(
    "serve",
    [
        saying(upgraded=False),
        saying(b"HTTP/1.1 101 Switching", upgraded=False),
        saying(),
        saying(ws_frame(FIN | BINARY, HELLO)[:10]),
        saying(ws_frame(FIN | BINARY, HELLO)),
    ],
)
def test_half_a_stream(serve: Serve) -> None:
    """The server stops in the middle and keeps the connection open: patience ends it."""

    async def main() -> None:
        async with raw_server(serve) as place:
            journal = MemoryJournal()
            with pytest.raises(UnreachableError):
                await client(gate_to(f"http://{place}", journal), SHORT).connect(f"ws://{place}/")
            assert journal.open == 0

    run(main())


# ---- after the login ----


@pytest.mark.parametrize(
    ("misdeed", "why"),
    [
        (lambda t: t.send(WSMsgType.TEXT, "hello"), "whole messages"),
        (lambda t: t.send(WSMsgType.BINARY, write([CaughtUp()]), fin=False), "whole messages"),
        (lambda t: t.send(WSMsgType.BINARY, write([CaughtUp()]), rsv1=True), "whole messages"),
        (lambda t: t.send(WSMsgType.BINARY, b"\xc1"), "no list of frames"),
        (lambda t: t.send(WSMsgType.BINARY, b"\x91\x92\x08\xc0"), "no list of frames"),
        (lambda t: t.disconnect(graceful=False), "gone"),
        (lambda t: t.send_close(), "gone"),
    ],
)
def test_a_server_that_goes_astray(misdeed: Callable[[Any], None], why: str) -> None:
    async def main() -> None:
        async with stream_server() as server:
            journal = MemoryJournal()
            link = await client(gate_for(server.url, journal)).connect(server.url)
            (peer,) = server.peers
            peer.say(CaughtUp())
            await settle()
            misdeed(peer.transport)
            assert await link.receive() == (CaughtUp(),)
            with pytest.raises(StreamClosedError, match=why) as closed:
                await link.receive()
            assert closed.value.reason is None
            await peer.closed.wait()
            await link.close()
            assert journal.open == 0
            if why == "no list of frames":
                assert peer.heard[-1] == Error(ErrorCode.MALFORMED, 0, "not a list of frames")

    run(main())


def test_unasked_pongs_do_not_disturb() -> None:
    async def main() -> None:
        async with stream_server() as server:
            link = await client(gate_for(server.url)).connect(server.url)
            server.peers[0].transport.send_pong(b"unasked")
            server.peers[0].transport.send_ping(b"are you there")
            server.peers[0].say(CaughtUp())
            assert await link.receive() == (CaughtUp(),)
            await link.close()

    run(main())


def test_a_phone_that_does_not_receive_does_not_fill_its_memory() -> None:
    """The server floods; the phone takes nothing: reading stops, and goes on without a loss when it takes."""

    async def main() -> None:
        async with stream_server() as server:
            link = await client(gate_for(server.url)).connect(server.url)
            (peer,) = server.peers
            flood = 4000
            envelope = bytes(16 * 1024)
            for n in range(flood):
                peer.say(Deliver(n.to_bytes(16, "big"), envelope))
            await settle(2000)
            held = peer.transport.underlying_transport.get_write_buffer_size()
            assert held > flood * len(envelope) // 4, "most of it is still on the server's side"
            seen: list[int] = []
            while len(seen) < flood:
                seen += [
                    int.from_bytes(frame.envelope_id) for frame in await link.receive() if isinstance(frame, Deliver)
                ]
            assert seen == list(range(flood))
            await link.close()

    run(main())


def test_closing_while_the_queue_is_full() -> None:
    async def main() -> None:
        async with stream_server() as server:
            journal = MemoryJournal()
            link = await client(gate_for(server.url, journal)).connect(server.url)
            for n in range(3000):
                server.peers[0].say(Deliver(n.to_bytes(16, "big"), bytes(1024)))
            await settle(500)
            await link.close()
            assert journal.open == 0

    run(main())


def test_a_dead_peer_is_noticed() -> None:
    """No packet says that it is gone: an unanswered ping does."""

    async def main() -> None:
        async with stream_server(StreamServer(answers_pings=False)) as server:
            journal = MemoryJournal()
            timing = StreamTiming(idle_s=0.05, reply_s=0.05)
            link = await client(gate_for(server.url, journal), timing).connect(server.url)
            with pytest.raises(StreamClosedError):
                await link.receive()
            await link.close()
            assert journal.open == 0

    run(main())


def test_a_quiet_peer_that_answers_pings_is_alive() -> None:
    async def main() -> None:
        async with stream_server() as server:
            link = await client(gate_for(server.url), StreamTiming(idle_s=0.3, reply_s=0.3)).connect(server.url)
            (peer,) = server.peers
            await peer.until(lambda peer: peer.pings == 2)
            peer.say(CaughtUp())
            assert await link.receive() == (CaughtUp(),)
            await link.close()

    run(main())


def test_a_peer_that_does_not_answer_a_close_is_cut_off() -> None:
    async def main() -> None:
        upgraded = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await handshake(reader, writer)
            writer.write(ws_frame(FIN | BINARY, HELLO) + ws_frame(FIN | BINARY, write([Ready(1, 1)])))
            upgraded.set()
            while await reader.read(65536):
                pass

        async with raw_server(serve) as place:
            journal = MemoryJournal()
            link = await client(gate_to(f"http://{place}", journal), StreamTiming(close_s=0.1)).connect(
                f"ws://{place}/"
            )
            await link.close()
            assert journal.open == 0

    run(main())


def test_a_cancelled_receive_loses_nothing() -> None:
    async def main() -> None:
        async with stream_server() as server:
            link = await client(gate_for(server.url)).connect(server.url)
            async with asyncio.TaskGroup() as group:
                receiving = group.create_task(link.receive())
                await settle()
                receiving.cancel()
            server.peers[0].say(CaughtUp())
            assert await link.receive() == (CaughtUp(),)
            await link.close()

    run(main())


def test_a_cancelled_connect_leaves_nothing_open() -> None:
    async def main() -> None:
        async with stream_server(StreamServer(hello=None)) as server:
            journal = MemoryJournal()
            async with asyncio.TaskGroup() as group:
                connecting = group.create_task(client(gate_for(server.url, journal)).connect(server.url))
                await server.connected.wait()
                connecting.cancel()
            await server.peers[0].closed.wait()
            assert journal.open == 0

    run(main())


def test_tls_to_a_server_without_it() -> None:
    async def main() -> None:
        async with raw_server(saying(b"no TLS\n" * 20, upgraded=False)) as place:
            journal = MemoryJournal()
            connector = StreamClient(
                gate_to(f"https://{place}", journal),
                device=DEVICE,
                key=DEVICE_KEY,
                server=SERVER,
                tls=ssl.create_default_context(),
            )
            with pytest.raises(UnreachableError):
                await connector.connect(f"wss://{place}/")
            assert journal.open == 0

    run(main())


def test_tls(tmp_path: Path) -> None:
    async def main() -> None:
        server_end, phone_end = both_ends(tmp_path)
        async with stream_server(tls=server_end) as server:
            journal = MemoryJournal()
            gate = gate_to(server.url.replace("wss://", "https://").removesuffix("/v1/stream"), journal)
            trusting = StreamClient(gate, device=DEVICE, key=DEVICE_KEY, server=SERVER, tls=phone_end)
            link = await trusting.connect(server.url)
            server.peers[0].say(CaughtUp())
            assert await link.receive() == (CaughtUp(),)
            await link.close()
            # The same server, to a phone that does not know its certificate.
            with pytest.raises(UnreachableError):
                await client(gate).connect(server.url)
            assert journal.open == 0

    run(main())
