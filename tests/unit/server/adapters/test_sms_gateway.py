"""The SMS gateway: Kannel's interface as a client."""

import socket
import struct
import threading
from contextlib import suppress

import pytest

from sayso.carrier.adapters.kannel import Credentials, HttpRequest, read_sendsms
from sayso.protocol.numbers import PhoneNumber
from sayso.server.adapters.sms_gateway import GatewayConfig, KannelGateway
from sayso.server.errors import ConfigError, ServerError, SmsError
from tests.aio import run
from tests.fakes.kannel import FakeKannel

NUMBER = PhoneNumber("+447700900001")
TEXT = "Sayso code: 012345"


def config(url: str, **changes: str) -> GatewayConfig:
    fields = {"username": "sayso", "password": "secret", "sender": "Sayso"} | changes
    return GatewayConfig(url=url, **fields)


def as_kannel_reads_it(kannel: FakeKannel) -> tuple[str, tuple[str, ...], str]:
    """The request, read by the simulated carrier's own parser of Kannel's interface."""
    lines = kannel.heads[-1].decode("ascii").split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = [(line.partition(": ")[0].lower(), line.partition(": ")[2].encode()) for line in lines[1:] if line]
    request = HttpRequest(method, target, headers, kannel.bodies[-1])
    submitted = read_sendsms(request, Credentials("sayso", "secret"))
    return submitted.sender, submitted.to, submitted.text


def test_a_code_is_handed_over_as_kannel_reads_it() -> None:
    async def main() -> None:
        async with FakeKannel().running() as kannel:
            gateway = KannelGateway(config(kannel.url))
            await gateway.send(NUMBER, TEXT)
            await gateway.send(NUMBER, TEXT)
            await gateway.close()
            assert as_kannel_reads_it(kannel) == ("Sayso", (NUMBER.e164,), TEXT)
            assert kannel.connections == 1

    run(main())


def test_neither_number_nor_code_nor_password_stands_in_the_url() -> None:
    async def main() -> None:
        async with FakeKannel().running() as kannel:
            gateway = KannelGateway(config(kannel.url))
            await gateway.send(NUMBER, TEXT)
            await gateway.close()
            assert kannel.heads[0].split(b"\r\n")[0] == b"POST /cgi-bin/sendsms HTTP/1.1"

    run(main())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\n\r\n7700900",
        b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_what_is_not_accepted_is_our_error_and_shows_neither_number_nor_code(answer: bytes) -> None:
    async def main() -> None:
        async with FakeKannel(answer=answer).running() as kannel:
            gateway = KannelGateway(config(kannel.url))
            with pytest.raises(ServerError, match="did not take the code") as failed:
                await gateway.send(NUMBER, TEXT)
            await gateway.close()
            error: BaseException | None = failed.value
            while error is not None:
                assert "7700900" not in str(error)
                assert "012345" not in str(error)
                error = error.__cause__

    run(main())


def test_a_gateway_that_is_not_there_is_our_error() -> None:
    async def main() -> None:
        async with FakeKannel().running() as kannel:
            url = kannel.url
        gateway = KannelGateway(config(url))
        with pytest.raises(ServerError, match="ConnectError"):
            await gateway.send(NUMBER, TEXT)
        await gateway.close()

    run(main())


def test_a_gateway_that_resets_each_connection_at_once_is_our_error() -> None:
    """A restart amid connecting. Where the reset comes between connecting and asking is up to the kernel."""

    def reset(listener: socket.socket) -> None:
        with suppress(OSError):  # closed by the test
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            resetting = threading.Thread(target=reset, args=(listener,), daemon=True)
            resetting.start()
            gateway = KannelGateway(config(f"http://127.0.0.1:{listener.getsockname()[1]}/cgi-bin/sendsms"))
            for _ in range(200):
                with pytest.raises(SmsError, match="did not take the code"):
                    await gateway.send(NUMBER, TEXT)
            await gateway.close()
            listener.shutdown(socket.SHUT_RDWR)

    run(main())


def test_a_long_answer_is_not_read_to_its_end() -> None:
    async def main() -> None:
        endless = b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 100_000
        async with FakeKannel(answer=endless).running() as kannel:
            gateway = KannelGateway(config(kannel.url))
            await gateway.send(NUMBER, TEXT)
            await gateway.close()

    run(main())


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:13013", "ftp://127.0.0.1/x", "http://127.0.0.1:x/", "http:///path", "https://sms.example/?to=1"],
)
def test_a_url_that_is_none_is_refused_at_start(url: str) -> None:
    with pytest.raises(ConfigError, match="written like"):
        KannelGateway(config(url))


def test_numbers_do_not_pass_a_network_in_the_clear() -> None:
    with pytest.raises(ConfigError, match="https"):
        KannelGateway(config("http://sms.example/cgi-bin/sendsms"))
    run(KannelGateway(config("https://sms.example/cgi-bin/sendsms")).close())


@pytest.mark.parametrize("field", ["username", "password", "sender"])
@pytest.mark.parametrize("value", ["", "a\r\nX-Kannel-To: +1", "é"])
def test_fields_that_would_break_the_request_are_refused(field: str, value: str) -> None:
    with pytest.raises(ConfigError, match="printable"):
        KannelGateway(config("http://127.0.0.1/x", **{field: value}))


def test_the_password_does_not_show() -> None:
    assert "secret" not in repr(config("http://127.0.0.1/x"))
