"""Commit boundaries of one running part: named, counted, told to the test; at the armed one the process dies.

Everything that production makes durable passes here, from outside: production knows nothing of it but the phone store's
`boundary` argument.

    store.NAME        a transaction of the phone's store, by its name
    mailbox.FIELD     a batch of the relay's, by what is in it; mailbox.turn: the re-wrap of an hour's turn
    directory.NAME    a transaction of the server's directory, by the method
    file.NAME         a file put in place by renaming (keyring, hour keys, heartbeat, key of the phone's store)
    hours.add/destroy an hour key written, an hour key overwritten
"""

import functools
import os
import re
import signal
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

import apsw
from sqlalchemy.engine.default import DefaultDialect

from sayso.phone.adapters.store import database as phone_database
from sayso.server.adapters.directory.store import SqlDirectory
from sayso.server.adapters.keyring.hour_file import HourFile
from sayso.server.adapters.mailbox import store as mailbox_store
from sayso.server.core.model import Batch

Edge = Literal["before", "after"]
_NUMBERED: Final = re.compile(r"[0-9a-f]{64}|[0-9]+")
"""What differs in a file's name from run to run."""
EDGES: Final[tuple[Edge, Edge]] = ("before", "after")


@dataclass(frozen=True, order=True)
class Boundary:
    """The `nth` time (from 1) that a process passes a commit, before or after it."""

    name: str
    nth: int
    edge: Edge

    def __str__(self) -> str:
        return f"{self.name}:{self.nth}:{self.edge}"

    @classmethod
    def read(cls, text: str) -> "Boundary":
        """Read what `str` wrote."""
        name, nth, edge = text.rsplit(":", 2)
        assert edge in EDGES
        return cls(name, int(nth), "before" if edge == "before" else "after")


class Watch:
    """Sees every boundary of this process go by."""

    def __init__(self, who: str, *, told: str | None, armed: Boundary | None) -> None:
        """Take who this is, the path of the socket that is told of each boundary, and the boundary to die at."""
        self._who = who
        self._armed = armed
        self._passed: Counter[tuple[str, Edge]] = Counter()
        self._lock = threading.Lock()
        self._told = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if told is not None:
            self._told.connect(told)
        self._tells = told is not None

    def passed(self, name: str, edge: Edge) -> None:
        """Note a boundary, and die if it is the armed one."""
        with self._lock:
            self._passed[name, edge] += 1
            boundary = Boundary(name, self._passed[name, edge], edge)
            if self._tells:
                self._told.sendall(f"{self._who} {boundary}\n".encode())
            if boundary == self._armed:
                os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self, *names: str) -> Iterator[None]:
        """Note a commit that happens inside."""
        for name in names:
            self.passed(name, "before")
        yield
        for name in names:
            self.passed(name, "after")


def watch_everything(watch: Watch) -> None:
    """Put the watch around whatever becomes durable in this process."""
    _watch_phone_store(watch)
    _watch_mailbox(watch)
    _watch_directory(watch)
    _watch_files(watch)


def _watch_phone_store(watch: Watch) -> None:
    database = phone_database.Database
    opening = database.__init__

    @functools.wraps(opening)
    def opened(self: phone_database.Database, path: Path | None, key: bytes, **_: object) -> None:
        opening(self, path, key, boundary=lambda name, edge: watch.passed(f"store.{name}", _edge(edge)))

    _replace(database, "__init__", opened)


def _watch_mailbox(watch: Watch) -> None:
    """A batch has a name for each of its fields: which of them meet in one commit is a matter of time."""
    store = mailbox_store.EmbeddedMailboxStore
    committing, transaction = store._commit, vars(mailbox_store)["transaction"]
    names: ContextVar[tuple[str, ...]] = ContextVar("names", default=("mailbox.turn",))

    def commit(self: mailbox_store.EmbeddedMailboxStore, batch: Batch) -> None:
        filled = tuple(f"mailbox.{field.name}" for field in fields(batch) if getattr(batch, field.name))
        token = names.set(filled)
        committing(self, batch)
        names.reset(token)

    @contextmanager
    def watched(connection: apsw.Connection) -> Iterator[None]:
        with transaction(connection):
            yield
            for name in names.get():
                watch.passed(name, "before")
        for name in names.get():
            watch.passed(name, "after")

    _replace(store, "_commit", commit)
    _replace(mailbox_store, "transaction", watched)


def _watch_directory(watch: Watch) -> None:
    name: ContextVar[str] = ContextVar("name", default="directory.schema")
    committing: Callable[..., None] = DefaultDialect.do_commit

    def named(method: str) -> None:
        inner: Callable[..., Awaitable[Any]] = getattr(SqlDirectory, method)

        @functools.wraps(inner)
        async def outer(self: SqlDirectory, *words: Any, **options: Any) -> Any:
            token = name.set(f"directory.{method}")
            try:
                return await inner(self, *words, **options)
            finally:
                name.reset(token)

        _replace(SqlDirectory, method, outer)

    for method, value in list(vars(SqlDirectory).items()):
        if callable(value) and not method.startswith("_"):
            named(method)

    def commit(self: DefaultDialect, connection: Any) -> None:
        with watch.around(name.get()):
            committing(self, connection)

    _replace(DefaultDialect, "do_commit", commit)


def _watch_files(watch: Watch) -> None:
    renaming, adding, destroying = Path.replace, HourFile.add, HourFile.destroy_before

    def rename(self: Path, target: Path) -> Path:
        with watch.around(f"file.{_NUMBERED.sub('N', Path(target).name)}"):
            return renaming(self, target)

    def add(self: HourFile, *state: Any) -> None:
        with watch.around("hours.add"):
            adding(self, *state)

    def destroy(self: HourFile, *generation: Any) -> None:
        with watch.around("hours.destroy"):
            destroying(self, *generation)

    _replace(Path, "replace", rename)
    _replace(HourFile, "add", add)
    _replace(HourFile, "destroy_before", destroy)


def _edge(word: str) -> Edge:
    return "before" if word == "before" else "after"


def _replace(where: object, name: str, by: object) -> None:
    """Put something in the place of a function of production, in this process only."""
    assert hasattr(where, name)
    setattr(where, name, by)
