"""The command socket's way to the web app: opening and locking it, and ending its sessions at an opt-out.

command socket ─▶ Desk ─▶ Owner
                    └──▶ Sessions
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from html import escape
from pathlib import Path
from typing import Final

from sayso.phone import command_types as ask
from sayso.phone.errors import WebAppError
from sayso.phone.web.address import Address
from sayso.phone.web.sessions import LINK_S, Sessions

PAGE_NAME: Final = "open.html"
_PAGE: Final = """<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={link}">
<title>Sayso</title>
<p><a href="{link}">Messages</a></p>
"""


class Desk:
    """The CommandHandler port: the owner's, with the web app beside it."""

    def __init__(self, owner: ask.CommandHandler, sessions: Sessions, *, data: Path) -> None:
        """Stand before `owner`; `data` is the phone's directory, 0700."""
        self._owner = owner
        self._sessions = sessions
        self._page = data / PAGE_NAME
        self._address: Callable[[], Address | None] = lambda: None

    def serve(self, address: Callable[[], Address | None]) -> None:
        """Say where the web app is found; None while it is not served."""
        self._address = address

    def watch(self) -> AbstractAsyncContextManager[AsyncIterator[ask.Event]]:
        """Subscribe to what happens."""
        return self._owner.watch()

    async def handle(self, command: ask.Command) -> ask.Answer:
        """Do one command.

        Raises:
            SaysoError: not possible now; the sentence says what to do.
        """
        match command:
            case ask.OpenApp():
                return self._open()
            case ask.LockApp():
                self.lock()
                return ask.Done()
            case ask.OptOut():
                self.lock()
                return await self._owner.handle(command)
            case _:
                return await self._owner.handle(command)

    def lock(self) -> None:
        """End every session, and spend every link."""
        self._sessions.end_all()
        self.tidy()

    def tidy(self) -> None:
        """Take the page with the last link away."""
        self._page.unlink(missing_ok=True)

    def _open(self) -> ask.AppLink:
        address = self._address()
        if address is None:
            raise WebAppError("this phone's web app is switched off; start the phone without --no-web")
        link = address.link(self._sessions.link())
        self.tidy()
        handle = os.open(self._page, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as page:
            page.write(_PAGE.format(link=escape(link, quote=True)))
        return ask.AppLink(link=link, file=str(self._page), expires_s=int(LINK_S))
