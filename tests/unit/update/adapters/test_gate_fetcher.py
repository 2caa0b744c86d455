"""The fetcher: every phone's request is the same, bytes for bytes, and only the gate lets it out."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError

from sayso.consent.errors import GateClosedError
from sayso.update.adapters.gate_fetcher import GateFetcher, Patience
from tests.fakes.clock import FakeClock
from tests.fakes.consented import MemoryJournal, gate_to
from tests.fakes.plain_http import PlainServer, Talk, says, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@contextmanager
def fetching(
    talk: Talk, *, patience: Patience | None = None, agreed: list[bool] | None = None
) -> Iterator[tuple[GateFetcher, PlainServer, MemoryJournal, FakeClock]]:
    """A fetcher whose consent names the server."""
    clock, journal = FakeClock(), MemoryJournal()
    with serving(talk) as server:
        gate = gate_to(server.url, journal)
        with GateFetcher(
            gate,
            monotonic=clock.monotonic,
            patience=patience,
            still_agreed=lambda: True if agreed is None else agreed[0],
        ) as fetcher:
            yield fetcher, server, journal, clock


def test_a_request_says_what_is_wanted_and_nothing_else() -> None:
    with fetching(says(OK)) as (fetcher, server, journal, _):
        assert fetcher.download_bytes(f"{server.url}/metadata/timestamp.json", 100) == b"hello"
        host = server.url.removeprefix("http://")
        assert server.requests == [
            f"GET /metadata/timestamp.json HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        ]
        (entry,) = journal.entries
        assert entry.attempt.purpose == "updates"
    assert journal.open == 0


def test_a_download_that_goes_on_says_from_where() -> None:
    partial = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 3-4/5\r\nContent-Length: 2\r\n\r\nlo"
    with fetching(says(partial)) as (fetcher, server, _, _):
        answer = fetcher.open(f"{server.url}/a", offset=3)
        assert (answer.status, answer.fields["content-range"]) == (206, "bytes 3-4/5")
        assert b"".join(answer.pieces) == b"lo"
        assert b"Range: bytes=3-\r\n" in server.requests[0]


def test_odd_names_are_quoted_and_cannot_add_a_line() -> None:
    with fetching(says(OK)) as (fetcher, server, _, _):
        list(fetcher.fetch(f"{server.url}/targets/a b\r\nCookie: x"))
        assert b"Cookie: x\r\n" not in server.requests[0]
        assert server.requests[0].count(b"\r\n") == 4


@pytest.mark.parametrize("status", [301, 302, 404, 403, 500])
def test_what_is_not_200_is_no_content(status: int) -> None:
    """A redirect is not followed: the consent names one place."""
    head = f"HTTP/1.1 {status} No\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n".encode()
    with fetching(says(head)) as (fetcher, server, _, _):
        with pytest.raises(DownloadHTTPError) as caught:
            fetcher.download_bytes(f"{server.url}/a", 100)
        assert caught.value.status_code == status
        assert len(server.requests) == 1


def test_another_host_than_the_consents_is_not_asked() -> None:
    with fetching(says(OK)) as (fetcher, server, journal, _):
        with pytest.raises(GateClosedError):
            fetcher.open("http://elsewhere.example/a")
        assert (server.requests, journal.entries) == ([], [])


def test_after_a_no_nothing_is_asked_any_more() -> None:
    agreed = [True]
    with fetching(says(OK), agreed=agreed) as (fetcher, server, _, _):
        fetcher.download_bytes(f"{server.url}/a", 100)
        agreed[0] = False
        with pytest.raises(GateClosedError):
            fetcher.open(f"{server.url}/a")
        agreed[0] = True
        with pytest.raises(GateClosedError):
            fetcher.open(f"{server.url}/a")  # a gate that was shut stays shut
        assert len(server.requests) == 1


def test_a_no_in_the_middle_breaks_it_off() -> None:
    agreed = [True]
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 1000
    with fetching(says(long), agreed=agreed) as (fetcher, server, _, _):
        answer = fetcher.open(f"{server.url}/a")
        next(answer.pieces)
        agreed[0] = False
        with pytest.raises(GateClosedError):
            next(answer.pieces)


def test_a_mirror_that_drips_is_given_up() -> None:
    """Slow retrieval: always something, and never enough."""

    def drip(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            connection.sendall(b"x")

    with fetching(drip) as (fetcher, server, _, clock):
        answer = fetcher.open(f"{server.url}/a")
        received: list[int] = []

        def read() -> None:
            for piece in answer.pieces:
                received.append(len(piece))
                clock.advance(max(30.0, len(piece) / 100))  # as if it had come at 100 bytes a second

        with pytest.raises(SlowRetrievalError):
            read()
        assert sum(received) < 1_000_000


@pytest.mark.parametrize("pieces", [[], [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"]])
def test_a_mirror_that_stops_is_given_up(pieces: list[bytes]) -> None:
    def stop(connection: socket.socket, _: bytes) -> None:
        for piece in pieces:
            connection.sendall(piece)
        connection.settimeout(20)
        connection.recv(1)  # until the client gives up

    with (
        fetching(stop, patience=Patience(head_s=0.3, stall_s=0.3)) as (fetcher, server, _, _),
        pytest.raises(SlowRetrievalError),
    ):
        fetcher.download_bytes(f"{server.url}/a", 100)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not http\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_one_of_tufs_errors(answer: bytes) -> None:
    with fetching(says(answer)) as (fetcher, server, _, _), pytest.raises(DownloadError):
        fetcher.download_bytes(f"{server.url}/a", 100)


def test_nobody_there() -> None:
    with fetching(says(OK)) as (fetcher, server, journal, _):
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(DownloadError):
            fetcher.open(f"http://127.0.0.1:{1 if port != 1 else 2}/a")
        assert journal.open == 0
