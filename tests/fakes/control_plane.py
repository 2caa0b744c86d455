"""A control plane without a network: the test says what each path answers."""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from sayso.phone.errors import ProblemError, UnreachableError
from sayso.phone.ports import NonceBody, ResponseT
from sayso.protocol.errors import SaysoError

Answerer = Callable[[Struct], Struct]


class FakeControlPlane:
    """The ControlPlane port. Bodies and answers pass through JSON, so that what cannot be said is noticed."""

    def __init__(self, document: bytes = b"") -> None:
        self.document = document
        """What `statement` answers."""
        self.calls: list[tuple[str, Struct]] = []
        """What was asked, in order: path and body."""
        self.nonces: list[str] = []
        """The nonces given to sealed calls."""
        self.trouble: SaysoError | None = None
        """Raised by every request while it is set."""
        self.closed = False
        self.public: dict[str, bytes] = {}
        """What `fetch` gives, by path."""
        self.fetched: list[str] = []
        """What was fetched, in order."""
        self._answers: dict[str, Answerer] = {}

    def on(self, path: str, answer: Answerer) -> None:
        """Answer requests to a path; the function may raise a ProblemError."""
        self._answers[path] = answer

    def asked(self, path: str) -> list[Struct]:
        """The bodies sent to a path."""
        return [body for asked, body in self.calls if asked == path]

    async def statement(self) -> bytes:
        if self.trouble is not None:
            raise self.trouble
        return self.document

    async def fetch(self, path: str, *, at_most: int) -> bytes:
        if self.trouble is not None:
            raise self.trouble
        self.fetched.append(path)
        content = self.public.get(path)
        if content is None:
            raise ProblemError("not-found", "There is nothing here.")
        if len(content) > at_most:
            raise UnreachableError("the server's answer is longer than any that Sayso knows")
        return content

    async def call(self, path: str, body: Struct, answer: type[ResponseT]) -> ResponseT:
        if self.trouble is not None:
            raise self.trouble
        read = msgspec.json.decode(msgspec.json.encode(body), type=type(body))
        self.calls.append((path, read))
        return msgspec.json.decode(msgspec.json.encode(self._answers[path](read)), type=answer)

    async def sealed_call(self, path: str, body: NonceBody, answer: type[ResponseT]) -> ResponseT:
        nonce = f"nonce-{len(self.nonces):016d}"
        self.nonces.append(nonce)
        return await self.call(path, body(nonce), answer)

    async def close(self) -> None:
        self.closed = True
