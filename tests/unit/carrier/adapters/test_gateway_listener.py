"""The gateway over real HTTP: Kannel's answers, broken requests, and loopback only."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from sayso.carrier.adapters import gateway_listener
from sayso.carrier.adapters.control_client import AsyncControlClient
from sayso.carrier.adapters.gateway_listener import bind_loopback
from sayso.carrier.app import CarrierAddresses, CarrierConfig
from sayso.carrier.control import ListSent
from sayso.carrier.core.events import AddSim
from sayso.carrier.core.limits import NetworkLimits
from sayso.carrier.errors import CarrierConfigError, PortTakenError
from tests.aio import run
from tests.fakes.carrier_phone import running_carrier

ALICE = "+447700900001"
Scenario = Callable[[CarrierAddresses], Awaitable[None]]


def against_a_carrier(directory: Path, scenario: Scenario, limits: NetworkLimits | None = None) -> None:
    async def main() -> None:
        config = CarrierConfig(data=directory, limits=limits or NetworkLimits())
        async with running_carrier(config) as carrier:
            await scenario(carrier)

    run(main())


def parameters(carrier: CarrierAddresses, text: str = "hi") -> dict[str, str]:
    return {"username": carrier.username, "password": carrier.password, "from": "Sayso", "to": ALICE, "text": text}


async def raw(carrier: CarrierAddresses, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(carrier.host, carrier.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def test_get_and_post_are_accepted_on_one_connection(tmp_path: Path) -> None:
    async def scenario(carrier: CarrierAddresses) -> None:
        headers = {
            "X-Kannel-Username": carrier.username,
            "X-Kannel-Password": carrier.password,
            "X-Kannel-From": "Sayso",
            "X-Kannel-To": ALICE,
        }
        async with httpx.AsyncClient() as client:
            answers = [
                await client.get(carrier.url, params=parameters(carrier, "by get")),
                await client.post(carrier.url, headers=headers, content=b"by headers"),
                await client.post(carrier.url, data=parameters(carrier, "by form")),
            ]
        assert [(answer.status_code, answer.text) for answer in answers] == [(202, "0: Accepted for delivery")] * 3
        async with AsyncControlClient(carrier.control) as ask:
            sent = (await ask.call(ListSent())).sent or []
        assert [(entry.sender, entry.to, entry.text) for entry in sent] == [
            ("Sayso", ALICE, text) for text in ("by get", "by headers", "by form")
        ]

    against_a_carrier(tmp_path, scenario)


def test_refusals_are_kannels(tmp_path: Path) -> None:
    async def scenario(carrier: CarrierAddresses) -> None:
        good = parameters(carrier)
        async with AsyncControlClient(carrier.control) as ask:
            await ask.call(AddSim(name="alice", number=ALICE))  # and no phone, so that SMS wait
        async with httpx.AsyncClient() as client:
            wrong = await client.get(carrier.url, params=good | {"password": "guess"})
            garbage = await client.get(carrier.url, params=good | {"to": "nobody"})
            sender = await client.get(carrier.url, params=good | {"from": "a name that is too long"})
            accepted = await client.get(carrier.url, params=good)
            full = await client.get(carrier.url, params=good)
            method = await client.delete(carrier.url)
        assert (wrong.status_code, wrong.text) == (403, "Authorization failed for sendsms")
        assert [answer.status_code for answer in (garbage, sender)] == [400, 400]
        assert accepted.status_code == 202
        assert (full.status_code, full.text) == (503, "Temporal failure, try again later.")
        assert (method.status_code, method.headers["allow"]) == (405, "GET, POST")

    against_a_carrier(tmp_path, scenario, NetworkLimits(queued_sms=1))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /cgi-bin/sendsms HTTP/1.1\r\n\r\n", b"400"),  # no Host
        (b"POST /cgi-bin/sendsms HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n" + b"x" * 300_000, b"413"),
        (b"GET /" + b"x" * 300_000, b"431"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n", b"404"),
    ],
)
def test_broken_requests_are_answered_and_hung_up(tmp_path: Path, request_: bytes, status: bytes) -> None:
    async def scenario(carrier: CarrierAddresses) -> None:
        answer = await raw(
            carrier, request_ if status != b"404" else request_.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        assert answer.startswith(b"HTTP/1.1 " + status)

    against_a_carrier(tmp_path, scenario)


def test_a_body_is_asked_for_where_the_client_waits(tmp_path: Path) -> None:
    async def scenario(carrier: CarrierAddresses) -> None:
        reader, writer = await asyncio.open_connection(carrier.host, carrier.port)
        writer.write(b"POST /cgi-bin/sendsms HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        writer.write(b"hi")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 403")
        writer.close()

    against_a_carrier(tmp_path, scenario)


def test_half_a_request_submits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_listener, "REQUEST_SECONDS_MAX", 0.05)

    async def scenario(carrier: CarrierAddresses) -> None:
        assert await raw(carrier, b"POST /cgi-bin/sendsms HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf") == b""
        async with AsyncControlClient(carrier.control) as ask:
            assert (await ask.call(ListSent())).sent == []

    against_a_carrier(tmp_path, scenario)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", "", "2001:db8::1"])  # noqa: S104  refused
def test_only_loopback_is_listened_on(host: str) -> None:
    with pytest.raises(CarrierConfigError):
        bind_loopback(host, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.53"])
def test_loopback_is_listened_on_and_a_taken_port_is_said(host: str) -> None:
    with bind_loopback(host, 0) as listening, pytest.raises(PortTakenError, match="another port"):
        bind_loopback(host, listening.getsockname()[1])
