"""The control plane as a process of its own, killed without warning, and the phone's own client against it."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpcore
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.gate import Gate
from sayso.consent.policy import current_policy
from sayso.consent.records import read_record, sign_record
from sayso.phone.adapters.control_client import ControlClient
from sayso.phone.core.codes import code_in
from sayso.phone.errors import ProblemError
from sayso.protocol import api, tokens
from sayso.protocol.ids import key_digest
from sayso.protocol.keys import sign_identity
from sayso.protocol.numbers import PhoneNumber
from sayso.protocol.statement import read_statement
from tests.aio import run
from tests.fakes.asgi import Answer
from tests.fakes.consented import MemoryJournal
from tests.fakes.control_world import secrets
from tests.fakes.enrolling_device import EnrollingDevice
from tests.fakes.kannel import FakeKannel
from tests.ports import free_ports

pytestmark = pytest.mark.slow

LONG_TERM = Ed25519PrivateKey.from_private_bytes(secrets().long_term)
PINNED = key_digest(LONG_TERM.public_key().public_bytes_raw())
ALICE, BOB = "+447700900001", "+447700900002"
PROGRAM = """
import asyncio, contextlib, signal, sys, time, uvicorn, uvloop
from pathlib import Path
from sayso.server.adapters.sms_gateway import GatewayConfig, KannelGateway
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.control import ControlConfig, open_control
from tests.fakes.control_world import FakeRelay, secrets
from tests.fakes.secrets_file import MemorySecrets

class Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):
        yield

async def main(folder, port, kannel):
    gateway = KannelGateway(GatewayConfig(url=kannel, username="sayso", password="secret", sender="Sayso"))
    control = await open_control(
        ControlConfig(directory=Path(folder) / "directory.db", stream="ws://127.0.0.1:1/v1/stream"), secrets(),
        FakeRelay(), secrets_file=MemorySecrets(), clock=SystemClock(),
        random=SystemRandom(), running=time.time, code_sender=gateway,
    )
    await control.finish_erasures()
    config = uvicorn.Config(
        control.app, host="127.0.0.1", port=int(port), lifespan="on", log_config=None, access_log=False,
        server_header=False,
    )
    server = Quiet(config)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, setattr, server, "should_exit", True)
    await server.serve()
    await control.close()
    await gateway.close()

uvloop.run(main(*sys.argv[1:]))
"""


class SocketClient:
    """Sends requests over connections that are kept."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._pool = httpcore.AsyncConnectionPool(max_connections=20)

    async def request(self, method: str, path: str, fields: list[tuple[str, str]], body: bytes = b"") -> Answer:
        response = await self._pool.request(method, self._url + path, headers=fields, content=body)
        answered = [(name.decode().lower(), value.decode()) for name, value in response.headers]
        return Answer(response.status, answered, response.content)

    async def close(self) -> None:
        await self._pool.aclose()


@dataclass
class Server:
    """A server process and the world around it."""

    folder: Path
    port: int
    kannel: FakeKannel
    process: asyncio.subprocess.Process | None = None
    client: SocketClient | None = None

    async def start(self) -> SocketClient:
        arguments = (str(self.folder), str(self.port), self.kannel.url)
        self.process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, *arguments)
        self.client = SocketClient(self.port)
        while True:
            assert self.process.returncode is None, "the server did not start"
            try:
                await self.client.request("GET", api.STATEMENT_PATH, [])
            except httpcore.ConnectError:
                # Nobody listens yet: the refusal comes at once, so give the starting process the processor.
                await asyncio.sleep(0.02)
            else:
                return self.client

    async def kill(self) -> None:
        assert self.process is not None
        assert self.client is not None
        self.process.kill()
        await self.process.wait()
        await self.client.close()

    async def stop(self) -> int:
        assert self.process is not None
        assert self.client is not None
        await self.client.close()
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()

    async def code(self) -> str:
        """The code in the next SMS that the gateway takes."""
        code = code_in((await self.kannel.taken.get()).decode())
        assert code is not None, "the phone does not find the code in the server's SMS"
        return code


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[Server]:
    """A server that is down yet, and a gateway for its codes."""
    [port] = free_ports(1)
    async with FakeKannel().running() as kannel:
        one = Server(folder, port, kannel)
        try:
            yield one
        finally:
            if one.process is not None:
                await one.stop()


def device(number: str, client: SocketClient, seed: int) -> EnrollingDevice:
    return EnrollingDevice(client, PINNED, number, seed, now=time.time())


async def enrolled(one: Server, number: str, seed: int) -> EnrollingDevice:
    assert one.client is not None
    enrolling = device(number, one.client, seed)
    enrolment = await enrolling.ask_code()
    answer = await enrolling.post(api.CONFIRM_PATH, api.Confirm(enrolment, await one.code()))
    assert answer.status == 200
    return enrolling


def test_the_phones_own_client_enrols_at_a_real_server(tmp_path: Path) -> None:
    async def main() -> None:
        async with server(tmp_path) as one:
            client = await one.start()
            phone = device(ALICE, client, 1)
            url = f"http://127.0.0.1:{one.port}"
            record = msgspec.structs.replace(phone.record(), server=url)
            gate = Gate(read_record(sign_record(record, phone.key)), journal=MemoryJournal(), now=lambda: 0.0)
            control = ControlClient(gate, url, device=phone.device, key=phone.key, server=PINNED)
            phone.statement, _ = read_statement(await control.statement(), pinned=PINNED)
            assert phone.statement.policy == current_policy()

            enrolment = phone.drawn()
            pending = await control.sealed_call(
                api.ENROL_PATH, lambda nonce: phone.enrol_body(nonce, enrolment, record), api.EnrolPending
            )
            assert pending.id == enrolment
            confirm = api.Confirm(enrolment, await one.code())
            done = await control.call(api.CONFIRM_PATH, confirm, api.Enrolled)
            assert await control.call(api.CONFIRM_PATH, confirm, api.Enrolled) == done
            left = await control.call(api.KEYS_PATH, phone.all_keys(3), api.KeysLeft)
            assert left.one_time_keys == 3
            blinded = tokens.Blinded([tokens.voprf_input(PhoneNumber(ALICE))])
            evaluated = await control.call(api.EVALUATE_PATH, api.Evaluate(5, blinded.elements), api.Evaluated)
            (output,) = blinded.finish(evaluated.evaluated, public_key=phone.statement.epochs[0].voprf_key)
            held = await control.call(api.ME_PATH, api.Empty(), api.Holdings)
            assert held.token == tokens.token_from_output(5, output)
            assert held.device == sign_identity(
                phone.key, device=phone.device, server=PINNED, curve25519=phone.curve25519
            )
            await control.call(api.WITHDRAW_PATH, phone.withdrawal(), api.Withdrawn)
            with pytest.raises(ProblemError) as refused:
                await control.call(api.ME_PATH, api.Empty(), api.Holdings)
            assert refused.value.problem == "not-enrolled"
            await control.close()
            gate.shut()

    run(main())


def test_each_one_time_key_is_handed_out_once_although_the_server_is_killed(tmp_path: Path) -> None:
    async def main() -> None:
        async with server(tmp_path) as one:
            await one.start()
            bob, alice = await enrolled(one, BOB, 1), await enrolled(one, ALICE, 2)
            await bob.post(api.KEYS_PATH, bob.all_keys(50))
            held = msgspec.json.decode((await bob.post(api.ME_PATH, api.Empty())).body, type=api.Holdings)
            claims = [api.Claim(alice.drawn(), [api.ClaimLine(held.token)]) for _ in range(50)]
            answers: dict[bytes, list[bytes]] = {claim.request_id: [] for claim in claims}

            async def ask(claim: api.Claim) -> None:
                asking = device(ALICE, client, 2)
                try:
                    answer = await asking.post(api.CLAIM_PATH, claim)
                except (httpcore.NetworkError, httpcore.ProtocolError, AttributeError):
                    # AttributeError: what anyio says, under uvloop, of a connection reset right after it was made.
                    return
                assert answer.status == 200
                answers[claim.request_id].append(answer.body)
                answered.set()

            for _ in range(2):
                assert one.client is not None
                client, answered = one.client, asyncio.Event()
                async with asyncio.TaskGroup() as group:
                    for claim in claims:
                        group.create_task(ask(claim))
                    # Killed while some are answered and others are under way.
                    await answered.wait()
                    await one.kill()
                await one.start()
            assert one.client is not None
            client = one.client
            for claim in claims:
                await ask(claim)
            keys = []
            for bodies in answers.values():
                assert len(set(bodies)) == 1, "asked again, a claim gets the answer that it got before"
                bundle = msgspec.json.decode(bodies[0], type=api.Claimed).lines[0].devices[0]
                keys += [] if bundle.fallback else [bundle.ratchet.key]
            assert len(keys) == len(set(keys)) == 50

    run(main())


def test_tries_survive_a_kill(tmp_path: Path) -> None:
    async def main() -> None:
        async with server(tmp_path) as one:
            client = await one.start()
            attacker = device(ALICE, client, 1)
            enrolment = await attacker.ask_code()
            code = await one.code()
            for step in range(1, 6):
                wrong = f"{(int(code) + step) % 10**6:06}"
                answer = await attacker.post(api.CONFIRM_PATH, api.Confirm(enrolment, wrong))
                assert answer.problem == "code"
                if step == 3:
                    await one.kill()
                    attacker.client = await one.start()
                    attacker.nonces.clear()
            answer = await attacker.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))
            assert answer.problem == "code"

    run(main())


def test_a_server_that_is_told_to_stop_stops_and_says_nothing_of_itself_before(tmp_path: Path) -> None:
    async def main() -> None:
        async with server(tmp_path) as one:
            client = await one.start()
            answer = await client.request("GET", api.STATEMENT_PATH, [])
            assert answer.field("server") is None
            assert await one.stop() == 0

    run(main())
