"""Talks to an ASGI application in this process: one request, one answer, no socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from sayso.protocol.api import PROBLEM_PREFIX, Problem


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    fields: list[tuple[str, str]]
    """Names in lower case, in order."""
    body: bytes

    def field(self, name: str) -> str | None:
        """A field's value, None where there is none."""
        return next((value for one, value in self.fields if one == name.lower()), None)

    @property
    def problem(self) -> str | None:
        """The problem's type without its prefix, None for a success."""
        if self.field("content-type") != "application/problem+json":
            return None
        problem = msgspec.json.decode(self.body, type=Problem, strict=True)
        assert problem.status == self.status
        assert problem.type.startswith(PROBLEM_PREFIX)
        return problem.type.removeprefix(PROBLEM_PREFIX)


class AsgiClient:
    """Sends requests to an application whose lifespan is running."""

    def __init__(self, app: Any) -> None:
        self._app = app

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the application's lifespan around the block, in a task of its own, as uvicorn does."""
        incoming: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        outgoing: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        async with asyncio.TaskGroup() as group:
            group.create_task(self._app(scope, incoming.get, outgoing.put))
            await incoming.put({"type": "lifespan.startup"})
            assert (await outgoing.get())["type"] == "lifespan.startup.complete"
            try:
                yield
            finally:
                await incoming.put({"type": "lifespan.shutdown"})
                assert (await outgoing.get())["type"] == "lifespan.shutdown.complete"

    async def request(
        self, method: str, path: str, fields: list[tuple[str, str]], body: bytes | list[bytes] = b""
    ) -> Answer:
        """Send a request; a list of bodies comes in as many pieces."""
        pieces = [body] if isinstance(body, bytes) else list(body)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not pieces:
                return {"type": "http.disconnect"}
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        bare, _, query = path.partition("?")
        await self._app(
            {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.4"},
                "http_version": "1.1",
                "method": method,
                "scheme": "http",
                "path": bare,
                "raw_path": bare.encode(),
                "query_string": query.encode(),
                "root_path": "",
                "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in fields],
                "client": ("192.0.2.1", 4711),
                "server": ("127.0.0.1", 80),
                "state": {},
                "extensions": {},
            },
            receive,
            send,
        )
        start = next(message for message in sent if message["type"] == "http.response.start")
        whole = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        answered = [(name.decode().lower(), value.decode("latin-1")) for name, value in start["headers"]]
        return Answer(start["status"], answered, whole)
