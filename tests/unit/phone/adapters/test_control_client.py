"""The control plane's phone side against an honest server, and against servers that are anything else."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec import Struct

from sayso.consent.errors import GateClosedError
from sayso.consent.gate import Gate
from sayso.phone.adapters.control_client import ANSWER_BYTES, ControlClient
from sayso.phone.errors import ProblemError, UnreachableError
from sayso.phone.ports import ControlPlane
from sayso.protocol.api import CLAIM_PATH, ENROL_PATH, ME_PATH, STATEMENT_PATH, Empty, KeysLeft
from sayso.protocol.ids import DeviceId
from sayso.protocol.requests import Request, read_claim, verify_request
from tests.aio import run
from tests.fakes.consented import DEVICE, DEVICE_KEY, SERVER, MemoryJournal, gate_to
from tests.fakes.phone_clock import settle
from tests.fakes.raw_server import Serve, raw_server
from tests.fakes.tls import both_ends

OK = KeysLeft(7)
OK_BODY = b'{"one_time_keys":7}'


@dataclass
class Heard:
    """One request, as it came."""

    method: str
    path: str
    fields: dict[str, str]
    body: bytes


@dataclass
class HttpServer:
    """Answers each request with the next of `answers`, the last one again and again."""

    answers: list[bytes]
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while not reader.at_eof():
            self.heard.append(await read_request(reader))
            writer.write(self.answers[min(len(self.heard), len(self.answers)) - 1])
            await writer.drain()

    @property
    def nonces(self) -> list[str]:
        return [read_claim(heard.fields).nonce for heard in self.heard]


async def read_request(reader: asyncio.StreamReader) -> Heard:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split(" ")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    return Heard(method, path, fields, await reader.readexactly(int(fields.get("content-length", "0"))))


def answer(
    body: bytes = OK_BODY, *, status: str = "200 OK", kind: str = "application/json", nonce: str = "", extra: str = ""
) -> bytes:
    fields = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}"
    if nonce:
        fields += f"Replay-Nonce: {nonce}\r\n"
    return f"HTTP/1.1 {status}\r\n{fields}\r\n".encode() + body


def problem(
    name: str, *, status: str = "400 Bad Request", nonce: str = "", extra: str = "", detail: str = "no"
) -> bytes:
    body = {"type": f"urn:sayso:problem:{name}", "title": "t", "status": int(status[:3]), "detail": detail}
    return answer(json.dumps(body).encode(), status=status, kind="application/problem+json", nonce=nonce, extra=extra)


def nonce(n: int) -> str:
    return f"nonce-{n:016d}"


@asynccontextmanager
async def http(*answers: bytes) -> AsyncIterator[tuple[HttpServer, ControlClient, MemoryJournal, Gate]]:
    server = HttpServer(list(answers))
    async with client_of(server.serve) as (client, journal, gate):
        yield server, client, journal, gate


@asynccontextmanager
async def client_of(
    serve: Serve, *, patience_s: float = 30.0
) -> AsyncIterator[tuple[ControlClient, MemoryJournal, Gate]]:
    async with raw_server(serve) as place:
        journal = MemoryJournal()
        gate = gate_to(f"http://{place}", journal)
        client = ControlClient(
            gate, f"http://{place}", device=DEVICE, key=DEVICE_KEY, server=SERVER, patience_s=patience_s
        )
        try:
            yield client, journal, gate
        finally:
            await client.close()
            assert journal.open == 0


# ---- an honest server ----


def test_a_signed_request() -> None:
    async def main() -> None:
        async with http(answer(nonce=nonce(1))) as (server, client, journal, _):
            plane: ControlPlane = client
            assert await plane.call(ME_PATH, Empty(), KeysLeft) == OK
            (heard,) = server.heard
            assert (heard.method, heard.path, heard.body) == ("POST", ME_PATH, b"{}")
            claim = read_claim(heard.fields)
            request = Request(method="POST", authority=heard.fields["host"], path=ME_PATH, body=heard.body)
            verify_request(claim, request, public_key=DEVICE_KEY.public_key().public_bytes_raw(), server=SERVER)
            assert claim.device == DeviceId(DEVICE)
            assert journal.entries[0].attempt.purpose == "requests"

    run(main())


def test_no_header_tells_phones_apart() -> None:
    async def main() -> None:
        async with http(answer(b"{}")) as (server, client, _, _):
            await client.statement()
            await client.call(ME_PATH, Empty(), Empty)
            statement, call = server.heard
            assert set(statement.fields) == {"host"}
            assert set(call.fields) == {
                "host",
                "content-length",
                "content-type",
                "content-digest",
                "sayso-server",
                "signature-input",
                "signature",
            }

    run(main())


def test_the_statement_comes_as_it_is() -> None:
    async def main() -> None:
        document = b'{ "statement": {}, "signature": "" }'
        async with http(answer(document, kind="application/json; charset=utf-8")) as (server, client, _, _):
            assert await client.statement() == document
            assert (server.heard[0].method, server.heard[0].path) == ("GET", STATEMENT_PATH)

    run(main())


def test_connections_are_used_again() -> None:
    async def main() -> None:
        async with http(answer(nonce=nonce(1))) as (server, client, journal, _):
            for _ in range(5):
                await client.call(ME_PATH, Empty(), KeysLeft)
            assert (len(server.heard), server.connections, len(journal.entries)) == (5, 1, 1)

    run(main())


def test_a_server_that_closes_after_each_answer() -> None:
    async def main() -> None:
        async with http(answer(extra="Connection: close\r\n")) as (server, client, journal, _):
            for _ in range(3):
                await client.call(ME_PATH, Empty(), KeysLeft)
            assert server.connections == 3
            assert journal.open == 0

    run(main())


def test_several_requests_at_once() -> None:
    async def main() -> None:
        async with http(answer()) as (server, client, _, _), asyncio.TaskGroup() as group:
            calls = [group.create_task(client.call(ME_PATH, Empty(), KeysLeft)) for _ in range(20)]
            assert [await call for call in calls] == [OK] * 20
            assert server.connections <= 4

    run(main())


def test_tls(tmp_path: Path) -> None:
    async def main() -> None:
        server_end, phone_end = both_ends(tmp_path)
        server = HttpServer([answer()])
        async with raw_server(server.serve, tls=server_end) as place:
            journal = MemoryJournal()
            gate = gate_to(f"https://{place}", journal)
            for tls in (phone_end, None):
                client = ControlClient(gate, f"https://{place}", device=DEVICE, key=DEVICE_KEY, server=SERVER, tls=tls)
                if tls is None:  # a certificate that the phone does not know
                    with pytest.raises(UnreachableError):
                        await client.call(ME_PATH, Empty(), KeysLeft)
                else:
                    assert await client.call(ME_PATH, Empty(), KeysLeft) == OK
                await client.close()
            assert server.heard[0].fields["host"] == place
            assert len(server.heard) == 1
            assert journal.open == 0

    run(main())


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://chat.example", "chat.example"),
        ("http://chat.example:80/", "chat.example"),
        ("https://Chat.Example:443", "chat.example"),
        ("https://chat.example:80", "chat.example:80"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_what_is_signed_as_authority(url: str, authority: str) -> None:
    client = ControlClient(gate_to(url), url, device=DEVICE, key=DEVICE_KEY, server=SERVER)
    assert client._authority == authority


# ---- nonces ----


def test_the_first_request_asks_for_a_nonce() -> None:
    async def main() -> None:
        async with http(problem("bad-nonce", nonce=nonce(1)), answer(nonce=nonce(2)), answer()) as (
            server,
            client,
            _,
            _,
        ):
            assert await client.call(ME_PATH, Empty(), KeysLeft) == OK
            assert await client.call(ME_PATH, Empty(), KeysLeft) == OK
            assert server.nonces[1:] == [nonce(1), nonce(2)]

    run(main())


def test_the_statement_may_bring_the_first_nonce() -> None:
    async def main() -> None:
        async with http(answer(b"{}", nonce=nonce(1)), answer()) as (server, client, _, _):
            await client.statement()
            await client.call(ME_PATH, Empty(), KeysLeft)
            assert read_claim(server.heard[1].fields).nonce == nonce(1)

    run(main())


def test_a_nonce_is_used_once() -> None:
    async def main() -> None:
        async with http(answer(nonce=nonce(1)), answer()) as (server, client, _, _):
            for _ in range(3):
                await client.call(ME_PATH, Empty(), KeysLeft)
            assert server.nonces.count(nonce(1)) == 1

    run(main())


def test_a_sealed_body_is_made_anew_for_each_nonce() -> None:
    async def main() -> None:
        class Sealed(Struct):
            nonce: str

        async with http(problem("bad-nonce", nonce=nonce(1)), answer()) as (server, client, _, _):
            await client.sealed_call(ENROL_PATH, Sealed, KeysLeft)
            bodies = [json.loads(heard.body)["nonce"] for heard in server.heard]
            assert bodies == server.nonces
            assert bodies[1] == nonce(1)

    run(main())


def test_endless_nonces() -> None:
    """A server that never likes a nonce is asked twice, not for ever."""

    async def main() -> None:
        async with http(problem("bad-nonce", nonce=nonce(1))) as (server, client, _, _):
            with pytest.raises(ProblemError) as refused:
                await client.call(ME_PATH, Empty(), KeysLeft)
            assert refused.value.problem == "bad-nonce"
            assert len(server.heard) == 2

    run(main())


@pytest.mark.parametrize("bad", ["", "short", "x" * 129, 'quote"in-a-nonce-of-22-characters', "ü" * 30])
def test_a_nonce_that_cannot_be_signed_is_not_used(bad: str) -> None:
    async def main() -> None:
        refusal = problem("bad-nonce", extra=f"Replay-Nonce: {bad}\r\n" if bad else "")
        async with http(refusal, answer()) as (server, client, _, _):
            with pytest.raises(ProblemError):
                await client.call(ME_PATH, Empty(), KeysLeft)
            assert len(server.heard) == 1

    run(main())


# ---- refusals ----


def test_a_problem() -> None:
    async def main() -> None:
        refusal = problem("limit", status="429 Too Many", extra="Retry-After: 30\r\n", detail="later")
        async with http(refusal) as (_, client, _, _):
            with pytest.raises(ProblemError) as refused:
                await client.call(CLAIM_PATH, Empty(), KeysLeft)
            error = refused.value
            assert (error.problem, error.detail, error.retry_after_s) == ("limit", "later", 30)

    run(main())


@pytest.mark.parametrize(
    "said",
    [
        answer(b"<html>", kind="text/html"),
        answer(b"{}"),
        answer(b'{"one_time_keys":"7"}'),
        answer(b'{"one_time_keys":7'),
        answer(b"\xff\xfe"),
        answer(b"[" * 100_000),
        answer(b""),
        answer(kind="text/plain"),
        answer(extra="Content-Encoding: gzip\r\n"),
        answer(status="302 Found", extra="Location: http://127.0.0.1:1/\r\n"),
        answer(status="307 Temporary Redirect", extra="Location: /elsewhere\r\n"),
        answer(status="404 Not Found"),
        answer(status="500 Internal Server Error"),
        answer(b"not json", status="500 x", kind="application/problem+json"),
        answer(b'{"type":1}', status="500 x", kind="application/problem+json"),
        answer(b"[" * 100_000, status="500 x", kind="application/problem+json"),
        answer(bytes(ANSWER_BYTES + 1)),
        answer(status="204 No Content", body=b""),
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x00\xff" * 5000,
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{",
    ],
)
def test_what_is_no_answer(said: bytes) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(said)

        async with client_of(serve) as (client, journal, _):
            with pytest.raises(UnreachableError):
                await client.call(ME_PATH, Empty(), KeysLeft)
            assert len(journal.entries) == 1, "one request, no redirect, no second try"

    run(main())


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    async def main() -> None:
        sent = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
                await writer.drain()
                sent += 65536

        async with client_of(serve) as (client, _, _):
            with pytest.raises(UnreachableError, match="longer"):
                await client.statement()
        assert sent < 64 * ANSWER_BYTES

    run(main())


def drip(reader_first: bool) -> Serve:  # noqa: FBT001  a case, not a setting
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reader_first:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        await reader.read()

    return serve


@pytest.mark.parametrize("serve", [drip(reader_first=False), drip(reader_first=True)])
def test_a_slow_server(serve: Serve) -> None:
    async def main() -> None:
        async with client_of(serve, patience_s=0.1) as (client, journal, _):
            with pytest.raises(UnreachableError):
                await client.statement()
            assert journal.open == 0

    run(main())


def test_nobody_there() -> None:
    async def main() -> None:
        async with raw_server(drip(reader_first=False)) as place:
            pass
        client = ControlClient(
            gate_to(f"http://{place}"), f"http://{place}", device=DEVICE, key=DEVICE_KEY, server=SERVER
        )
        with pytest.raises(UnreachableError):
            await client.statement()
        await client.close()

    run(main())


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_a_name_that_cannot_be_looked_up(host: str) -> None:
    async def main() -> None:
        url = f"http://{host}"
        client = ControlClient(gate_to(url), url, device=DEVICE, key=DEVICE_KEY, server=SERVER)
        with pytest.raises(UnreachableError):
            await client.statement()
        await client.close()

    run(main())


# ---- consent ----


def test_a_server_that_the_consent_does_not_cover() -> None:
    async def main() -> None:
        server = HttpServer([answer()])
        async with raw_server(server.serve) as place:
            client = ControlClient(
                gate_to("http://chat.example"), f"http://{place}", device=DEVICE, key=DEVICE_KEY, server=SERVER
            )
            with pytest.raises(GateClosedError):
                await client.statement()
            await client.close()
        assert server.heard == []

    run(main())


def test_a_shut_gate() -> None:
    async def main() -> None:
        async with http(answer()) as (server, client, journal, gate):
            await client.call(ME_PATH, Empty(), KeysLeft)
            gate.shut()
            for _ in range(2):
                with pytest.raises(GateClosedError):
                    await client.call(ME_PATH, Empty(), KeysLeft)
            await settle()
            assert len(server.heard) == 1, "the idle connection was not used again either"
            assert len(journal.entries) == 1

    run(main())


def test_shutting_the_gate_during_a_request() -> None:
    async def main() -> None:
        shut: list[Callable[[], None]] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001  silent
            await read_request(reader)
            shut[0]()
            await reader.read()

        async with client_of(serve) as (client, _, gate):
            shut.append(gate.shut)
            with pytest.raises(GateClosedError):
                await client.statement()

    run(main())


# ---- what everyone is given ----

OCTETS = "application/octet-stream"


def test_what_everyone_is_given_is_fetched_without_saying_who_asks() -> None:
    """No signature, nonce, cookie or validator; and on a connection that carried no request of the line's own."""

    async def main() -> None:
        answers = (answer(b"set", kind=OCTETS), answer(nonce=nonce(1)), answer(b"more", kind=OCTETS))
        async with http(*answers) as (server, client, _, _):
            assert await client.fetch("/v1/sets/00", at_most=4) == b"set"
            assert await client.call(ME_PATH, Empty(), KeysLeft) == OK
            assert await client.fetch("/v1/sets/01", at_most=4) == b"more"
            fetches = [heard for heard in server.heard if heard.method == "GET"]
            assert [heard.path for heard in fetches] == ["/v1/sets/00", "/v1/sets/01"]
            assert {name for heard in fetches for name in heard.fields} == {"host"}
            assert server.connections == 2

    run(main())


@pytest.mark.parametrize(
    "wrong",
    [
        answer(b"12345", kind=OCTETS),
        answer(b"1234", kind=OCTETS, extra="Content-Encoding: gzip\r\n"),
        answer(b"1234", kind="text/html"),
        answer(b"", status="302 Found", extra="Location: /elsewhere\r\n"),
    ],
)
def test_what_is_too_long_compressed_or_no_success_is_not_taken(wrong: bytes) -> None:
    async def main() -> None:
        async with http(wrong) as (_, client, _, _):
            with pytest.raises(UnreachableError):
                await client.fetch("/v1/sets/00", at_most=4)

    run(main())


def test_a_blob_that_is_gone_is_said_to_be() -> None:
    async def main() -> None:
        async with http(problem("not-found", status="404 Not Found")) as (_, client, _, _):
            with pytest.raises(ProblemError):
                await client.fetch("/v1/sets/00", at_most=400)

    run(main())
