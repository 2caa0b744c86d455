"""The command socket: for its owner only, bounded, and with errors that say what is wrong."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sayso.consent.errors import GateClosedError
from sayso.phone.adapters.commands import COMMAND_BYTES, SOCKET_NAME, ask, serve_commands, watching
from sayso.phone.command_types import (
    AddContact,
    Answer,
    Code,
    Command,
    Contacts,
    Done,
    Failed,
    Message,
    MessageList,
    Messages,
    OpenContact,
    OpenThread,
    OptIn,
    OptOut,
    Send,
    SetReadReceipts,
    Status,
    StatusReport,
)
from sayso.phone.errors import CommandError
from sayso.protocol.errors import NumberError
from tests.aio import run
from tests.fakes.commands import FakeHandler, event, line
from tests.fakes.phone_clock import settle

NUMBER = "+447700900001"
COMMANDS: list[Command] = [
    Status(),
    OptIn(server="https://chat.example", server_key="ab" * 32, findable="nobody", method="command-line"),
    Code(code="123456"),
    OptOut(line="line-2"),
    Send(to=NUMBER, text="hello \U0001f469\u200d\U0001f467\n"),
    Messages(with_number=NUMBER, limit=1),
    Contacts(),
    AddContact(name="Alice", number=NUMBER),
    OpenThread(number=NUMBER),
    OpenContact(number=NUMBER),
    SetReadReceipts(on=True),
]


@asynccontextmanager
async def serving(directory: Path, handler: FakeHandler, *, owner: int | None = None) -> AsyncIterator[Path]:
    path = directory / SOCKET_NAME
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        daemon = group.create_task(serve_commands(path, handler, ready=ready, owner=owner))
        await ready.wait()
        try:
            yield path
        finally:
            daemon.cancel()


async def say(path: Path, *lines: bytes) -> list[dict[str, object]]:
    """Write lines as they are, and read all answers until the daemon hangs up or has answered each."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"".join(lines))
    writer.write_eof()
    answers = [json.loads(answer) for answer in (await reader.read()).splitlines()]
    writer.close()
    return answers


def names(directory: Path) -> list[str]:
    return [entry.name for entry in directory.iterdir()]


def test_every_command_arrives_as_it_was_given(tmp_path: Path) -> None:
    async def main() -> None:
        handler = FakeHandler()
        async with serving(tmp_path, handler) as path:
            for command in COMMANDS:
                assert await ask(path, command) == Done()
            assert handler.commands == COMMANDS

    run(main())


def test_an_answer_comes_back_whole(tmp_path: Path) -> None:
    async def main() -> None:
        message = Message(
            id="00" * 16,
            line="line",
            direction="in",
            number=NUMBER,
            text="x" * 48 * 1024,
            channel="cloud",
            state="new",
            at=1.5,
        )
        answers: list[Answer] = [
            StatusReport(version="1", lines=[line()]),
            MessageList(messages=[message] * 1000),
        ]
        async with serving(tmp_path, FakeHandler(lambda _: answers[0])) as path:
            assert await ask(path, Status()) == answers.pop(0)
            assert await ask(path, Messages()) == answers[0]

    run(main())


@pytest.mark.parametrize(
    "error", [CommandError("choose a line"), NumberError("no number"), GateClosedError("it is off")]
)
def test_what_the_phone_cannot_do_is_said_in_its_words(
    tmp_path: Path, error: CommandError | NumberError | GateClosedError
) -> None:
    def refuse(_: Command) -> Answer:
        raise error

    async def main() -> None:
        async with serving(tmp_path, FakeHandler(refuse)) as path:
            for _ in range(2):
                with pytest.raises(CommandError, match=str(error)):
                    await ask(path, Status())

    run(main())


def test_many_ask_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path, FakeHandler()) as path, asyncio.TaskGroup() as group:
            asked = [group.create_task(ask(path, Status())) for _ in range(50)]
            assert [await answer for answer in asked] == [Done()] * 50

    run(main())


# ---- watching ----


def test_watching(tmp_path: Path) -> None:
    async def main() -> None:
        handler = FakeHandler()
        async with serving(tmp_path, handler) as path:
            async with watching(path) as events:
                for n in range(3):
                    handler.feed.publish(event(n))
                assert [await anext(events) for _ in range(3)] == [event(0), event(1), event(2)]
            while handler.feed._watchers:
                await settle()

    run(main())


def test_watchers_hear_the_end(tmp_path: Path) -> None:
    async def main() -> None:
        handler = FakeHandler()
        async with asyncio.TaskGroup() as group:
            ready = asyncio.Event()
            daemon = group.create_task(serve_commands(tmp_path / SOCKET_NAME, handler, ready=ready))
            await ready.wait()
            async with watching(tmp_path / SOCKET_NAME) as events:
                daemon.cancel()
                assert [said async for said in events] == []

    run(main())


def test_a_watcher_that_cannot_keep_up_is_let_go(tmp_path: Path) -> None:
    async def main() -> None:
        handler = FakeHandler()
        async with serving(tmp_path, handler) as path, watching(path) as events:
            for n in range(5000):
                handler.feed.publish(event(n))
            heard = [said async for said in events]
            assert heard == [event(n) for n in range(len(heard))]
            assert len(heard) < 5000

    run(main())


def test_watchers_that_hang_up_amid_events_leave_the_daemon_well(tmp_path: Path) -> None:
    async def main() -> None:
        handler = FakeHandler()
        async with serving(tmp_path, handler) as path:
            for _ in range(20):
                async with watching(path):
                    handler.feed.publish(event(0))
                for n in range(20):
                    handler.feed.publish(event(n))
                    await asyncio.sleep(0)
            await ask(path, Status())

    run(main())


# ---- bad input ----


@pytest.mark.parametrize(
    "bad",
    [
        b"\n",
        b"hello\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b'{"command":"fly"}\n',
        b'{"command":"status","extra":1}\n',
        b'{"command":"send","to":"+447700900001"}\n',
        b'{"command":"send","to":"","text":"x"}\n',
        b'{"command":"send","to":"+447700900001","text":""}\n',
        b'{"command":"send","to":1,"text":"x"}\n',
        b'{"command":"send","to":"+447700900001","text":"' + b"x" * (48 * 1024 + 1) + b'"}\n',
        b'{"command":"code","code":"12345678901"}\n',
        b'{"command":"code","code":"12345\\n"}\n',
        b'{"command":"code","code":"\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1"}\n',
        b'{"command":"messages","limit":0}\n',
        b'{"command":"messages","limit":1001}\n',
        b'{"command":"opt-in","server":"http://x","server_key":"AB","findable":"nobody","method":"x"}\n',
        b'{"command":"opt-in","server":"http://x","server_key":"' + b"a" * 64 + b'","findable":"me","method":"x"}\n',
        b'{"command":"opt-in","server":"http://x","server_key":"' + b"a" * 64 + b'","method":"x"}\n',
        b'{"command":"add-contact","name":"","number":"x"}\n',
        b"\xff\xfe\n",
        b'{"command":"\xff"}\n',
        b'{"command":"send","to":"+447700900001","text":"\xed\xa0\x80"}\n',
        b"[" * 5000 + b"\n",
        b'{"command":"status","status":' + b"[" * 5000 + b"\n",
    ],
)
def test_what_is_no_command(tmp_path: Path, bad: bytes) -> None:
    async def main() -> None:
        handler = FakeHandler()
        async with serving(tmp_path, handler) as path:
            refused, done = await say(path, bad, b'{"command":"status"}\n')
            assert refused["answer"] == "error"
            assert str(refused["error"]).startswith("not a command: ")
            assert done == {"answer": "done"}
            assert handler.commands == [Status()]

    run(main())


def test_a_line_that_does_not_end(tmp_path: Path) -> None:
    async def main() -> None:
        handler = FakeHandler()
        async with serving(tmp_path, handler) as path:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"x" * (COMMAND_BYTES + 1))
            answer = json.loads(await reader.readline())
            assert answer == {"answer": "error", "error": "a command has at most 512 KiB"}
            assert await reader.read() == b""
            writer.close()
            assert await ask(path, Status()) == Done()
            assert handler.commands == [Status()]

    run(main())


def test_the_longest_text_fits(tmp_path: Path) -> None:
    async def main() -> None:
        handler = FakeHandler()
        async with serving(tmp_path, handler) as path:
            longest = Send(to=NUMBER, text="\x01" * 48 * 1024)
            await ask(path, longest)
            assert handler.commands == [longest]

    run(main())


@pytest.mark.parametrize("cut", [b"", b'{"command":"stat', b'{"command":"status"}'])
def test_half_a_command_does_nothing(tmp_path: Path, cut: bytes) -> None:
    async def main() -> None:
        handler = FakeHandler()
        async with serving(tmp_path, handler) as path:
            assert await say(path, cut) == []
            assert handler.commands == []

    run(main())


def test_whoever_asks_may_go_before_the_answer(tmp_path: Path) -> None:
    async def main() -> None:
        handler = FakeHandler(lambda _: MessageList(messages=[]))
        async with serving(tmp_path, handler) as path:
            for _ in range(20):
                _, writer = await asyncio.open_unix_connection(path)
                writer.write(b'{"command":"status"}\n' * 50)
                writer.transport.abort()
            assert await ask(path, Status()) == MessageList(messages=[])

    run(main())


# ---- for its owner only ----


def test_the_socket_is_its_owners(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path, FakeHandler()) as path:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert names(tmp_path) == [SOCKET_NAME]
        assert names(tmp_path) == []

    run(main())


def test_another_user_is_refused(tmp_path: Path) -> None:
    """Root, or somebody for whom the permissions were opened by mistake: the kernel says who it is."""

    async def main() -> None:
        handler = FakeHandler()
        async with serving(tmp_path, handler, owner=os.getuid() + 1) as path:
            with pytest.raises(CommandError, match="another user"):
                await ask(path, Status())
            assert handler.commands == []

    run(main())


def test_a_socket_that_a_killed_daemon_left(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path, FakeHandler()) as path:
            for name in (f"{SOCKET_NAME}.new", "left"):
                os.link(path, tmp_path / name)
        (tmp_path / "left").rename(path)
        with pytest.raises(CommandError, match="sayso phone run"):
            await ask(path, Status())
        async with serving(tmp_path, FakeHandler()) as path:
            assert await ask(path, Status()) == Done()

    run(main())


def test_arguments_that_are_no_utf_8(tmp_path: Path) -> None:
    async def main() -> None:
        handler = FakeHandler()
        async with serving(tmp_path, handler) as path:
            with pytest.raises(CommandError, match="UTF-8"):
                await ask(path, Send(to=NUMBER, text="\udcff"))
            assert handler.commands == []

    run(main())


def test_no_daemon(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="sayso phone run"):
        run(ask(tmp_path / SOCKET_NAME, Status()))


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot listen"):
        run(serve_commands(tmp_path / "none" / SOCKET_NAME, FakeHandler()))


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / ("d" * 100) / SOCKET_NAME
    with pytest.raises(CommandError, match="shorter"):
        run(serve_commands(path, FakeHandler()))
    with pytest.raises(CommandError, match="shorter"):
        run(ask(path, Status()))


# ---- a daemon of another version ----


@pytest.mark.parametrize(
    "said", [b'{"answer":"sing"}\n', b"{}\n", b"hello\n", b'{"answer":"done","extra":1}\n', b"", b"{"]
)
def test_an_answer_that_cannot_be_read(tmp_path: Path, said: bytes) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(said)
            writer.close()

        server = await asyncio.start_unix_server(serve, tmp_path / SOCKET_NAME)
        with pytest.raises(CommandError):
            await ask(tmp_path / SOCKET_NAME, Status())
        with pytest.raises(CommandError):
            async with watching(tmp_path / SOCKET_NAME):
                pass
        server.close()

    run(main())


def test_nothing_shows_itself() -> None:
    """Commands and answers hold numbers, codes and texts; a traceback must not."""
    for shown in (*COMMANDS, Failed(error="x"), MessageList(messages=[])):
        assert repr(shown) == f"{type(shown).__name__}(…)"
