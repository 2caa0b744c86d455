"""The command socket's way to the app: a link in a file for the owner only, locking, and opt-out."""

import stat
from pathlib import Path

import pytest

from sayso.phone import command_types as ask
from sayso.phone.errors import SessionError, WebAppError
from sayso.phone.web.desk import PAGE_NAME, Desk
from sayso.phone.web.sessions import Sessions
from tests.aio import run
from tests.fakes.commands import FakeHandler
from tests.fakes.phone_clock import SeededRandom
from tests.fakes.web_app import ADDRESS
from tests.unit.phone.web.test_sessions import Clock, Kept


def made(data: Path) -> tuple[Desk, Sessions, FakeHandler]:
    """A desk before a handler that remembers."""
    sessions, handler = Sessions(Kept(), now=Clock(), random=SeededRandom(1)), FakeHandler()
    desk = Desk(handler, sessions, data=data)
    desk.serve(lambda: ADDRESS)
    return desk, sessions, handler


def test_a_link_is_in_a_file_for_the_owner_only_and_the_next_replaces_it(tmp_path: Path) -> None:
    async def main() -> None:
        desk, sessions, _ = made(tmp_path)
        first = await desk.handle(ask.OpenApp())
        second = await desk.handle(ask.OpenApp())
        assert isinstance(first, ask.AppLink)
        assert isinstance(second, ask.AppLink)
        page = tmp_path / PAGE_NAME
        assert second.file == str(page)
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
        assert second.link in page.read_text()
        assert second.link.startswith(f"{ADDRESS.origin}/#open=")
        assert second.link not in repr(second)
        sessions.open(second.link.partition("#open=")[2])
        desk.tidy()
        assert not page.exists()

    run(main())


def test_a_page_that_somebody_else_put_there_is_not_written_through(tmp_path: Path) -> None:
    async def main() -> None:
        desk, _, _ = made(tmp_path)
        elsewhere = tmp_path / "elsewhere"
        elsewhere.write_text("mine")
        (tmp_path / PAGE_NAME).symlink_to(elsewhere)
        await desk.handle(ask.OpenApp())
        assert elsewhere.read_text() == "mine"

    run(main())


@pytest.mark.parametrize("command", [ask.LockApp(), ask.OptOut(line="sim1")])
def test_locking_and_opting_out_end_every_session(tmp_path: Path, command: ask.LockApp | ask.OptOut) -> None:
    async def main() -> None:
        desk, sessions, handler = made(tmp_path)
        opened = sessions.fresh()
        await desk.handle(ask.OpenApp())
        await desk.handle(command)
        with pytest.raises(SessionError):
            sessions.check(opened.cookie, opened.tab)
        assert not (tmp_path / PAGE_NAME).exists()
        assert handler.commands == ([command] if isinstance(command, ask.OptOut) else [])

    run(main())


def test_anything_else_goes_on_to_the_owner(tmp_path: Path) -> None:
    async def main() -> None:
        desk, _, handler = made(tmp_path)
        await desk.handle(ask.Status())
        assert handler.commands == [ask.Status()]

    run(main())


def test_there_is_no_link_while_nothing_is_served(tmp_path: Path) -> None:
    async def main() -> None:
        desk, _, _ = made(tmp_path)
        desk.serve(lambda: None)
        with pytest.raises(WebAppError, match="--no-web"):
            await desk.handle(ask.OpenApp())

    run(main())
