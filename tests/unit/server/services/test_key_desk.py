"""Publishing and claiming keys, over the whole application."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from sayso.protocol import api
from sayso.protocol.limits import DAY, LIMITS
from sayso.protocol.signing import Purpose
from tests.aio import run
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.control_world import WALL
from tests.fakes.enrolling_device import EnrollingDevice

NUMBER, OTHER = "+447700900001", "+447700900002"


def serve(folder: Path, scene: Callable[[ControlServer, EnrollingDevice], Awaitable[None]]) -> None:
    async def main() -> None:
        async with control_server(folder) as server:
            await scene(server, await server.enrolled(NUMBER))

    run(main())


BAD_KEYS: dict[str, Callable[[EnrollingDevice, EnrollingDevice], api.PublishKeys]] = {
    "fallback key as one-time key": lambda mine, _: api.PublishKeys([mine.ratchet_key(Purpose.FALLBACK_KEY, 1)]),
    "one-time key as fallback key": lambda mine, _: api.PublishKeys(fallback=mine.ratchet_key(Purpose.ONE_TIME_KEY, 1)),
    "another device's one-time key": lambda _, other: api.PublishKeys(other.one_time_keys(1)),
    "another device's envelope key": lambda _, other: api.PublishKeys(envelope=other.envelope_key(1)),
    "one bad among good ones": lambda mine, other: api.PublishKeys([*mine.one_time_keys(3), *other.one_time_keys(1)]),
    "another id": lambda mine, _: api.PublishKeys(
        [msgspec.structs.replace(mine.ratchet_key(Purpose.ONE_TIME_KEY, 1), id=2)]
    ),
    "an envelope key that nobody would seal to": lambda mine, _: api.PublishKeys(
        envelope=mine.envelope_key(1, created=int(WALL) - LIMITS.envelope_key_accept_s - 1)
    ),
}


@pytest.mark.parametrize("what", BAD_KEYS)
def test_a_key_that_is_not_the_devices_own_for_its_purpose_is_refused_with_all_others(
    what: str, tmp_path: Path
) -> None:
    async def scene(server: ControlServer, device: EnrollingDevice) -> None:
        other = server.device(OTHER)
        answer = await device.post(api.KEYS_PATH, BAD_KEYS[what](device, other))
        assert answer.problem == "malformed"
        assert (await server.control.counts()).one_time_keys == 0

    serve(tmp_path, scene)


def test_more_keys_than_a_request_may_bring_are_refused(tmp_path: Path) -> None:
    async def scene(server: ControlServer, device: EnrollingDevice) -> None:
        answer = await device.post(api.KEYS_PATH, api.PublishKeys(device.one_time_keys(LIMITS.one_time_keys + 1)))
        assert answer.problem == "malformed"
        assert (await server.control.counts()).one_time_keys == 0

    serve(tmp_path, scene)


def test_what_is_left_out_stays(tmp_path: Path) -> None:
    async def scene(server: ControlServer, device: EnrollingDevice) -> None:
        await device.post(api.KEYS_PATH, device.all_keys(2))
        answer = await device.post(api.KEYS_PATH, api.PublishKeys())
        assert msgspec.json.decode(answer.body, type=api.KeysLeft).one_time_keys == 2
        line = server.relay.lines[device.device]
        assert (line.one_time_keys, line.envelope_keys) == (2, (1,))

    serve(tmp_path, scene)


def test_the_relay_serves_the_newest_envelope_key_and_the_previous_one_for_two_days(tmp_path: Path) -> None:
    async def scene(server: ControlServer, device: EnrollingDevice) -> None:
        for key_id in (1, 2):
            await device.post(api.KEYS_PATH, api.PublishKeys(envelope=device.envelope_key(key_id)))
        assert server.relay.lines[device.device].envelope_keys == (2, 1)
        server.clock.seconds += 2 * DAY
        await server.control.sweep()
        assert server.relay.lines[device.device].envelope_keys == (2,)

    serve(tmp_path, scene)


def test_a_line_is_asked_for_once_in_a_claim(tmp_path: Path) -> None:
    async def scene(server: ControlServer, device: EnrollingDevice) -> None:
        bob = await server.reachable(OTHER)
        line = api.ClaimLine(server.token(bob))
        answer = await device.post(api.CLAIM_PATH, api.Claim(device.drawn(), [line, line]))
        assert answer.problem == "malformed"
        assert server.relay.lines[bob.device].one_time_keys == 5

    serve(tmp_path, scene)


def test_a_claim_that_is_asked_twice_takes_one_key(tmp_path: Path) -> None:
    async def scene(server: ControlServer, device: EnrollingDevice) -> None:
        bob = await server.reachable(OTHER)
        claim = api.Claim(device.drawn(), [api.ClaimLine(server.token(bob))])
        answers = [await device.post(api.CLAIM_PATH, claim) for _ in range(3)]
        assert len({answer.body for answer in answers}) == 1
        assert server.relay.lines[bob.device].one_time_keys == 4

    serve(tmp_path, scene)
