"""Signatures and nonces of requests, over the whole application: what is refused, and that it changes nothing."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sayso.protocol import api
from sayso.protocol.ids import KeyDigest
from sayso.protocol.limits import LIMITS
from sayso.protocol.requests import Request, sign_request
from tests.aio import run
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.enrolling_device import AUTHORITY, NO_NONCE, EnrollingDevice

GRANT = api.SetGrant(b"g" * 32)
BODY = b'{"grant_hash":"Z2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2c="}'


def signed(
    device: EnrollingDevice,
    nonce: str,
    *,
    method: str = "POST",
    authority: str = AUTHORITY,
    path: str = api.GRANT_PATH,
    body: bytes = BODY,
    server: bytes | None = None,
) -> dict[str, str]:
    """Fields that sign this request, for one that may be another."""
    fields = sign_request(
        Request(method=method, authority=authority, path=path, body=body),
        key=device.key,
        device=device.device,
        server=KeyDigest(server or device.pinned),
        nonce=nonce,
    )
    return {"Host": AUTHORITY, "Content-Type": "application/json", **fields}


def serve(folder: Path, scene: Callable[[ControlServer, EnrollingDevice], Awaitable[None]]) -> None:
    async def main() -> None:
        async with control_server(folder) as server:
            await scene(server, await server.enrolled())

    run(main())


def unchanged(server: ControlServer, device: EnrollingDevice) -> bool:
    return server.relay.lines[device.device].grant_hash == bytes(32)


@pytest.mark.parametrize(
    "other",
    [
        {"method": "PUT"},
        {"authority": "other.example"},
        {"authority": "chat.example"},
        {"path": api.ME_PATH},
        {"path": api.GRANT_PATH + "/"},
        {"body": BODY.replace(b"Z2d", b"Z2e", 1)},
        {"server": b"x" * 32},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_signature_for_another_request_is_refused(other: dict[str, object], tmp_path: Path) -> None:
    async def scene(server: ControlServer, device: EnrollingDevice) -> None:
        fields = signed(device, await device.nonce(), **other)  # type: ignore[arg-type]  # one of the keyword arguments
        answer = await device.send(api.GRANT_PATH, fields, BODY)
        assert (answer.status, answer.problem) == (401, "bad-signature")
        assert unchanged(server, device)

    serve(tmp_path, scene)


def test_the_authority_is_compared_in_lower_case(tmp_path: Path) -> None:
    async def scene(_server: ControlServer, device: EnrollingDevice) -> None:
        fields = signed(device, await device.nonce()) | {"Host": AUTHORITY.upper()}
        assert (await device.send(api.GRANT_PATH, fields, BODY)).status == 200

    serve(tmp_path, scene)


@pytest.mark.parametrize("missing", ["Signature", "Content-Digest", "Sayso-Server"])
def test_a_request_that_lacks_a_field_is_refused(missing: str, tmp_path: Path) -> None:
    async def scene(server: ControlServer, device: EnrollingDevice) -> None:
        fields = signed(device, await device.nonce())
        del fields[missing]
        assert (await device.send(api.GRANT_PATH, fields, BODY)).problem == "bad-signature"
        assert unchanged(server, device)

    serve(tmp_path, scene)


@pytest.mark.parametrize("twice", ["Signature", "Signature-Input", "Content-Digest", "Sayso-Server", "Host"])
def test_a_field_that_comes_twice_is_refused(twice: str, tmp_path: Path) -> None:
    async def scene(server: ControlServer, device: EnrollingDevice) -> None:
        fields = signed(device, await device.nonce())
        doubled = [*fields.items(), (twice, fields[twice])]
        answer = await server.client.request("POST", api.GRANT_PATH, doubled, BODY)
        assert answer.problem == "bad-signature"
        assert unchanged(server, device)

    serve(tmp_path, scene)


def test_an_unknown_device_hears_what_a_wrong_signature_hears(tmp_path: Path) -> None:
    async def scene(server: ControlServer, device: EnrollingDevice) -> None:
        stranger, forger = server.device(), server.device()
        forger.device = device.device
        stranger.nonces, forger.nonces = [await device.nonce()], [await stranger.nonce()]
        unknown = await stranger.post(api.GRANT_PATH, GRANT)
        forged = await forger.post(api.GRANT_PATH, GRANT)
        assert (unknown.status, unknown.body) == (forged.status, forged.body)
        assert unknown.problem == "bad-signature"

    serve(tmp_path, scene)


def test_a_first_request_is_told_to_take_the_nonce(tmp_path: Path) -> None:
    async def scene(_server: ControlServer, device: EnrollingDevice) -> None:
        for fields in (
            signed(device, NO_NONCE),
            {"Host": AUTHORITY, "Content-Type": "application/json"},
        ):
            answer = await device.send(api.GRANT_PATH, fields, BODY)
            assert (answer.status, answer.problem) == (400, "bad-nonce")
            nonce = answer.field(api.REPLAY_NONCE)
            assert nonce is not None
            assert (await device.send(api.GRANT_PATH, signed(device, nonce), BODY)).status == 200

    serve(tmp_path, scene)


def test_a_nonce_is_too_old_after_five_minutes(tmp_path: Path) -> None:
    async def scene(server: ControlServer, device: EnrollingDevice) -> None:
        fields = signed(device, await device.nonce())
        server.clock.seconds += LIMITS.nonce_s
        assert (await device.send(api.GRANT_PATH, fields, BODY)).problem == "bad-nonce"
        assert unchanged(server, device)

    serve(tmp_path, scene)


def test_a_nonce_of_before_a_restart_is_refused(tmp_path: Path) -> None:
    async def before(_server: ControlServer, device: EnrollingDevice) -> None:
        kept.append((device, await device.nonce()))

    kept: list[tuple[EnrollingDevice, str]] = []
    serve(tmp_path, before)

    async def main() -> None:
        async with control_server(tmp_path, seed=2) as server:
            device, nonce = kept[0]
            device.client = server.client
            assert (await device.send(api.GRANT_PATH, signed(device, nonce), BODY)).problem == "bad-nonce"
            assert (await device.post(api.GRANT_PATH, GRANT)).status == 200

    run(main())


def test_a_wrong_signature_does_not_burn_the_nonce(tmp_path: Path) -> None:
    async def scene(server: ControlServer, device: EnrollingDevice) -> None:
        nonce = await device.nonce()
        thief = server.device()
        thief.device = device.device
        assert (await thief.send(api.GRANT_PATH, signed(thief, nonce), BODY)).problem == "bad-signature"
        assert (await device.send(api.GRANT_PATH, signed(device, nonce), BODY)).status == 200

    serve(tmp_path, scene)


@pytest.mark.parametrize(
    ("content_type", "taken"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ('Application/JSON;charset="UTF-8"', True),
        ("application/json; charset=utf-16", False),
        ("application/jsonp", False),
        ("text/plain", False),
        ("", False),
    ],
)
def test_only_json_is_read(content_type: str, taken: bool, tmp_path: Path) -> None:  # noqa: FBT001  a parameter of the test
    async def scene(_server: ControlServer, device: EnrollingDevice) -> None:
        fields = signed(device, await device.nonce()) | {"Content-Type": content_type}
        answer = await device.send(api.GRANT_PATH, fields, BODY)
        assert answer.status == (200 if taken else 415)

    serve(tmp_path, scene)
