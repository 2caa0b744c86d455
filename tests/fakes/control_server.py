"""A control plane in this process: the real services, directory and application over a fake world."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sayso.protocol import api
from sayso.protocol.ids import GrantHash
from sayso.server.control import Control, ControlConfig, open_control
from sayso.server.core.discovery_budget import Allowance
from sayso.server.core.sms_caps import SmsCaps
from tests.fakes.asgi import Answer, AsgiClient
from tests.fakes.code_sender import FakeCodeSender
from tests.fakes.control_world import FakeRelay, SeededRandom, ServerClock
from tests.fakes.enrolling_device import EnrollingDevice
from tests.fakes.secrets_file import MemorySecrets

STREAM = "ws://127.0.0.1:8081/v1/stream"


@dataclass
class ControlServer:
    """One server, and the world around it."""

    control: Control
    client: AsgiClient
    clock: ServerClock
    relay: FakeRelay
    sender: FakeCodeSender
    _seed: int = field(default=100)

    def device(self, number: str = "+447700900001", *, findable: str = "everyone") -> EnrollingDevice:
        """A device that has not been in contact yet."""
        self._seed += 1
        return EnrollingDevice(self.client, self.control.identity.digest, number, self._seed, findable)

    def skip_seeds(self, count: int) -> None:
        """Leave seeds out that devices from before a restart have."""
        self._seed += count

    async def code_for(self, device: EnrollingDevice) -> tuple[bytes, str]:
        """Ask for a code; returns the enrolment id and the code from the SMS."""
        enrolment = await device.ask_code()
        await self.control.background.settle()
        return enrolment, self.sender.code()

    async def enrolled(self, number: str = "+447700900001", *, findable: str = "everyone") -> EnrollingDevice:
        """A device that is enrolled and has published nothing."""
        device = self.device(number, findable=findable)
        enrolment, code = await self.code_for(device)
        answer = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))
        assert answer.status == 200, answer.body
        return device

    async def reachable(
        self, number: str, *, one_time: int = 5, findable: str = "everyone", grant_hash: GrantHash | None = None
    ) -> EnrollingDevice:
        """A device that is enrolled and has published keys."""
        device = await self.enrolled(number, findable=findable)
        answers: list[Answer] = [await device.post(api.KEYS_PATH, device.all_keys(one_time))]
        if grant_hash is not None:
            answers.append(await device.post(api.GRANT_PATH, api.SetGrant(grant_hash)))
        assert {answer.status for answer in answers} == {200}
        return device

    def token(self, device: EnrollingDevice) -> bytes:
        """The token of an enrolled device."""
        return self.relay.lines[device.device].token


@asynccontextmanager
async def control_server(
    folder: Path,
    *,
    clock: ServerClock | None = None,
    relay: FakeRelay | None = None,
    claims_per_day: int = 2000,
    discovery: Allowance | None = None,
    sms_caps: SmsCaps | None = None,
    keys: MemorySecrets | None = None,
    seed: int = 1,
) -> AsyncIterator[ControlServer]:
    """Run a control plane over `folder`; again over the same folder is a restart."""
    clock, relay, sender = clock or ServerClock(), relay or FakeRelay(), FakeCodeSender()
    keys = keys or MemorySecrets()
    control = await open_control(
        ControlConfig(
            directory=folder / "directory.db",
            stream=STREAM,
            claims_per_day=claims_per_day,
            discovery=discovery or Allowance(),
            sms_caps=sms_caps or SmsCaps(),
            warm_up=False,
        ),
        keys.held,
        relay,
        secrets_file=keys,
        clock=clock,
        random=SeededRandom(seed),
        running=clock.running,
        code_sender=sender,
    )
    client = AsgiClient(control.app)
    try:
        await control.finish_erasures()
        for line in await control.lines():
            relay.line_changed(line)
        async with client.running():
            yield ControlServer(control, client, clock, relay, sender)
    finally:
        await control.close()
