"""A whole server whose codes go by SMPP: `sayso server run --smpp` against npm's SMSC, from the request to the stop."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpcore
import pytest

from sayso.protocol import api
from sayso.protocol.ids import KeyDigest
from tests.aio import run
from tests.fakes.asgi import Answer
from tests.fakes.enrolling_device import EnrollingDevice
from tests.integration.npm_smsc import NpmSmsc, npm_smsc

pytestmark = pytest.mark.slow

NUMBER = "+447700900123"


class Client:
    """Requests to a server on loopback."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = httpcore.AsyncConnectionPool()

    async def request(self, method: str, path: str, fields: list[tuple[str, str]], body: bytes = b"") -> Answer:
        """Send one, return its answer."""
        response = await self._pool.request(method, self._url + path, headers=fields, content=body)
        answered = [(name.decode().lower(), value.decode()) for name, value in response.headers]
        return Answer(response.status, answered, response.content)

    async def close(self) -> None:
        await self._pool.aclose()


@asynccontextmanager
async def server(folder: Path, smsc: NpmSmsc, log: Path, *options: str) -> AsyncIterator[EnrollingDevice]:
    """Run a server until the block ends, then stop it gracefully; yields a device that may talk to it."""
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text("secret\n", encoding="utf-8")
    arguments = (
        *("--data", str(folder / "server"), "--plain-keyring", "--json"),
        *("--http", "127.0.0.1:0", "--stream", "127.0.0.1:0"),
        *("--smpp", smsc.address, "--smpp-system-id", "sayso", "--smpp-password-file", str(password)),
        *options,
    )
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sayso", "server", "run", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdout is not None
    try:
        ready = json.loads(await process.stdout.readline())
        client = Client(ready["http"])
        yield EnrollingDevice(client, KeyDigest(bytes.fromhex(ready["key"])), NUMBER)
        await client.close()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def test_a_line_is_enrolled_by_a_code_that_came_by_smpp(tmp_path: Path) -> None:
    async def main() -> str:
        async with npm_smsc(binds=["refuse", "ok"], submits=["throttle", "ok"], receipt="delivered") as smsc:
            async with server(tmp_path, smsc, tmp_path / "log") as device:
                enrolment = await device.ask_code()
                submits = await smsc.wait_for("submit", 2)
                assert [one["what"] for one in submits] == ["throttle", "ok"]
                code = submits[-1]["text"].rpartition(" ")[2]
                answer = await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))
                assert answer.status == 200, answer.body
                await smsc.wait_for("delivered")
            await smsc.wait_for("unbind")
            return str(code)

    code = run(main())
    # Nothing that the server wrote names the number or the code, in its log or anywhere below its folder.
    written = [tmp_path / "log", *(file for file in (tmp_path / "server").rglob("*") if file.is_file())]
    for file in written:
        content = file.read_bytes()
        assert b"7700900123" not in content, file.name
        assert f"code: {code}".encode() not in content, file.name


def test_the_caps_file_counts(tmp_path: Path) -> None:
    async def main() -> None:
        caps = tmp_path / "caps.toml"
        caps.write_text("[countries.GB]\nbudget = 1\n", encoding="utf-8")
        async with npm_smsc() as smsc, server(tmp_path, smsc, tmp_path / "log", "--sms-caps", str(caps)) as device:
            await device.ask_code()
            await smsc.wait_for("submit")
            device.number = "+447700900124"
            await device.ask_code()
            device.number = "+12025550123"
            await device.ask_code()
            # The three were taken in turn; that the last one came shows that the second was not sent.
            submits = await smsc.wait_for("submit", 2)
            assert [one["to"] for one in submits] == ["447700900123", "12025550123"]

    run(main())
