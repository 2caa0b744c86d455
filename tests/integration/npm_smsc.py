"""The SMSC on npm `smpp` (tests/peers/smpp), as a process of its own."""

import asyncio
import fcntl
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.accounting import not_tested

PEER: Final = Path(__file__).resolve().parents[1] / "peers" / "smpp"
_INSTALL_S: Final = 120.0

Seen = dict[str, Any]
"""One line of what the SMSC says it saw."""


def require_npm_smpp() -> str:
    """Return the path of node; install the pinned packages of the peer where they are not installed yet."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        not_tested("SMPP against a foreign SMSC: node and npm are not installed")
    # Two workers may come here at once.
    with (PEER / "package.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (PEER / "node_modules" / "smpp" / "package.json").exists():
            done = subprocess.run(
                [npm, "ci", "--silent"], cwd=PEER, capture_output=True, text=True, timeout=_INSTALL_S, check=False
            )
            if done.returncode:
                not_tested("SMPP against a foreign SMSC: npm could not fetch the packages of tests/peers/smpp")
    return node


@dataclass
class NpmSmsc:
    """A running SMSC."""

    port: int
    seen: list[Seen]
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def all(self, event: str) -> list[Seen]:
        """What it saw of one kind."""
        return [one for one in self.seen if one["event"] == event]

    async def wait_for(self, event: str, count: int = 1) -> list[Seen]:
        """Wait until it has seen so many of a kind."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.all(event)) >= count)
        return self.all(event)

    async def follow(self, lines: asyncio.StreamReader) -> None:
        """Read what it says, until it ends."""
        while line := await lines.readline():
            async with self._changed:
                self.seen.append(json.loads(line))
                self._changed.notify_all()


@asynccontextmanager
async def npm_smsc(**script: object) -> AsyncIterator[NpmSmsc]:
    """Run an SMSC that behaves as `script` says (tests/peers/smpp/hostile_smsc.js)."""
    process = await asyncio.create_subprocess_exec(
        require_npm_smpp(),
        str(PEER / "hostile_smsc.js"),
        json.dumps(script),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        first = json.loads(await process.stdout.readline())
        assert first["event"] == "listening", first
        smsc = NpmSmsc(first["port"], [])
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(smsc.follow(process.stdout))
            try:
                yield smsc
            finally:
                process.kill()
                # To the end of what it said: a pipe that is open when the loop closes is an error.
                await asyncio.wait({following})
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
