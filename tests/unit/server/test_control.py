"""The control plane as `app` sees it: opened, swept, closed, opened again."""

import asyncio
from pathlib import Path

import pytest

from sayso.protocol import api
from sayso.protocol.limits import LIMITS
from sayso.server.control import ControlConfig, open_control
from sayso.server.errors import ConfigError
from tests.aio import run
from tests.fakes.code_sender import FakeCodeSender
from tests.fakes.control_server import STREAM, control_server
from tests.fakes.control_world import FakeRelay, SeededRandom, ServerClock, secrets
from tests.fakes.secrets_file import MemorySecrets

NUMBER = "+447700900001"


def test_the_lines_are_there_after_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        clock = ServerClock()
        async with control_server(tmp_path, clock=clock) as server:
            device = await server.reachable(NUMBER)
            before = server.relay.lines
        async with control_server(tmp_path, clock=clock, seed=2) as server:
            assert server.relay.lines == before
            device.client = server.client
            device.nonces.clear()
            assert (await device.post(api.ME_PATH, api.Empty())).status == 200

    run(main())


def test_a_sweep_forgets_codes_that_are_over(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path) as server:
            await server.code_for(server.device(NUMBER))
            assert (await server.control.counts()).pending == 1
            server.clock.seconds += LIMITS.code_s
            await server.control.sweep()
            assert (await server.control.counts()).pending == 0

    run(main())


def test_leases_that_the_relay_moved_become_durable(tmp_path: Path) -> None:
    async def main() -> None:
        clock = ServerClock()
        async with control_server(tmp_path, clock=clock) as server:
            device = await server.enrolled(NUMBER)
            ends = clock.running() + 2 * LIMITS.lease_s
            await server.control.renew_leases({device.device: ends})
        async with control_server(tmp_path, clock=clock, seed=2) as server:
            assert server.relay.lines[device.device].lease_ends == ends

    run(main())


def test_a_directory_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    async def main() -> None:
        clock = ServerClock()
        await open_control(
            ControlConfig(directory=tmp_path / "nowhere" / "directory.db", stream=STREAM),
            secrets(),
            FakeRelay(),
            secrets_file=MemorySecrets(),
            clock=clock,
            random=SeededRandom(),
            running=clock.running,
            code_sender=FakeCodeSender(),
        )

    with pytest.raises(ConfigError):
        run(main())


def test_a_code_that_is_on_its_way_is_sent_before_the_server_stops(tmp_path: Path) -> None:
    async def main() -> None:
        async with control_server(tmp_path) as server:
            server.sender.hold = asyncio.Event()
            await server.device(NUMBER).ask_code()
            asyncio.get_running_loop().call_later(0.01, server.sender.hold.set)
        assert len(server.sender.sent) == 1

    run(main())
