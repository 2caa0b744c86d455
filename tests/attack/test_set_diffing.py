"""Keeping every build of the public set and comparing them: what that tells of a person whose number one knows."""

from pathlib import Path

from sayso.protocol import api, enrolled_set
from sayso.protocol.limits import HOUR, LIMITS
from sayso.protocol.set_manifest import read_manifest
from tests.aio import run
from tests.fakes.control_server import ControlServer, control_server
from tests.fakes.enrolling_device import EnrollingDevice

BUILD_H = LIMITS.set_build_s // HOUR
NUMBERS = [f"+12025550{number}" for number in range(100, 110)]
WATCHED, STEADY = "+447700900001", "+447700900002"


async def places(server: ControlServer, watcher: EnrollingDevice) -> frozenset[int]:
    """Everything that the present build says."""
    answer = await server.client.request("GET", api.SETS_PATH, [])
    manifest = read_manifest(answer.body, server_key=watcher.statement.server_key, pinned=watcher.pinned)
    (index,) = manifest.sets
    blob = await server.client.request("GET", f"{api.SET_BLOBS_PATH}/{index.shards[0].hex()}", [])
    return frozenset(enrolled_set.decode_shard(blob.body, epoch=5, shape=index.shape, index=0))


async def days(
    server: ControlServer, watcher: EnrollingDevice, hours: int, *online: EnrollingDevice
) -> list[frozenset[int]]:
    """Let time pass, with those phones online; returns every build on the way."""
    seen = []
    for _ in range(0, hours, BUILD_H):
        server.clock.seconds += BUILD_H * HOUR
        for device in (watcher, *online):
            device.nonces.clear()
            assert (await device.post(api.CERTIFICATE_PATH, api.Empty())).status == 200
        await server.control.sweep()
        seen.append(await places(server, watcher))
    return seen


def test_a_phone_that_was_off_for_days_is_not_seen_in_any_build(tmp_path: Path) -> None:
    """Off for five days: past its lease (72 h), and not yet three days beyond it."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            watcher, watched = await server.enrolled(STEADY), await server.enrolled(WATCHED)
            (before, *_) = await days(server, watcher, 4, watched)
            off = await days(server, watcher, 5 * 24)
            back = await days(server, watcher, 24, watched)
            assert set(off + back) == {before}
            assert len(before) == 2

    run(main())


def test_when_lines_that_lapsed_together_leave_says_nothing_of_when_they_went_off(tmp_path: Path) -> None:
    """Ten phones go off in the same hour: they leave one by one, three to ten days after their leases ended."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            watcher = await server.enrolled(STEADY)
            for number in NUMBERS:
                await server.enrolled(number)
            builds = await days(server, watcher, 14 * 24)
            sizes = [len(build) for build in builds]
            lapse_h = 72
            assert set(sizes[: (lapse_h + 3 * 24) // BUILD_H - 1]) == {11}
            assert sizes[-1] == 1
            leaving = {build for build in range(1, len(sizes)) if sizes[build] < sizes[build - 1]}
            assert len(leaving) >= 7
            assert max(leaving) * BUILD_H <= lapse_h + 10 * 24 + BUILD_H

    run(main())


def test_a_build_between_the_fixed_hours_cannot_be_provoked(tmp_path: Path) -> None:
    """Joining and leaving show at the next fixed hour, whatever anyone does meanwhile, a restart included."""

    async def main() -> None:
        async with control_server(tmp_path) as server:
            watcher = await server.enrolled(STEADY)
            await days(server, watcher, 4)
            clock = server.clock
            clock.seconds += 4 * HOUR - clock.wall() % (4 * HOUR)
            await server.control.sweep()
            before = await places(server, watcher)
            joined = await server.enrolled(WATCHED)
            for _ in range(5):
                await server.control.sweep()
                assert await places(server, watcher) == before
            await joined.post(api.WITHDRAW_PATH, joined.withdrawal())
        async with control_server(tmp_path, clock=clock) as server:
            await server.control.sweep()
            assert await places(server, watcher) == before
            clock.seconds += 4 * HOUR
            await server.control.sweep()
            assert await places(server, watcher) == before

    run(main())
