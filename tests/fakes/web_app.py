"""The phone's web app in this process, and a browser that sends what browsers send."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec

from sayso.phone.core.sms.alphabet import segments
from sayso.phone.line.book import Book
from sayso.phone.ports import UpdateSwitch
from sayso.phone.web.address import Address
from sayso.phone.web.context import Context, Suggested
from sayso.phone.web.desk import Desk
from sayso.phone.web.guard import COOKIE, Guard
from sayso.phone.web.languages import load_languages
from sayso.phone.web.live import Hub
from sayso.phone.web.sessions import KeptSessions, Sessions
from sayso.phone.web.site import site_app
from tests.fakes.asgi import Answer, AsgiClient
from tests.fakes.phones import ALICE, Phone, Town

ADDRESS = Address(host="sayso-0123456789abcdef0123.localhost", port=4711)
LANGUAGES = load_languages()


class Browser:
    """One tab: keeps the cookie and the tab's secret, and says where it is."""

    def __init__(self, client: AsgiClient, address: Address = ADDRESS) -> None:
        self._client = client
        self.address = address
        self.cookie = ""
        self.tab = ""
        self.language = "en"

    def fields(self, **changed: str | None) -> dict[str, str]:
        """The header fields of a request of our own page."""
        fields: dict[str, str | None] = {
            "host": self.address.authority,
            "sec-fetch-site": "same-origin",
            "sec-fetch-mode": "cors",
            "sec-fetch-dest": "empty",
            "accept-language": self.language,
            "cookie": f"{COOKIE}={self.cookie}" if self.cookie else None,
            "x-sayso-tab": self.tab or None,
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        return {name: value for name, value in fields.items() if value is not None}

    async def get(self, path: str, **changed: str | None) -> Answer:
        """Ask for something."""
        return await self._client.request("GET", path, [*self.fields(**changed).items()])

    async def post(self, path: str, body: object = None, **changed: str | None) -> Answer:
        """Send something."""
        changed = {"origin": self.address.origin, "content_type": "application/json", **changed}
        raw = body if isinstance(body, bytes) else msgspec.json.encode({} if body is None else body)
        answer = await self._client.request("POST", path, [*self.fields(**changed).items()], raw)
        for name, value in answer.fields:
            if name == "set-cookie":
                found = re.match(rf"{COOKIE}=([0-9a-f]+);", value)
                assert found is not None
                self.cookie = found.group(1)
        return answer

    async def open(self, code: str) -> Answer:
        """Open a session with the code of a link."""
        answer = await self.post("/session/open", {"code": code})
        if answer.status == 200:
            self.tab = outcome(answer)["tab"]
        return answer


class WebApp:
    """One phone's web app."""

    def __init__(self, phone: Phone, data: Path, updates: UpdateSwitch | None = None) -> None:
        self.phone = phone
        self.clock = phone.town.clock
        self.hub = Hub()
        self.sessions = Sessions(KeptSessions(phone.store), now=self.clock.wall, random=phone.random)
        self.desk = Desk(phone.owner, self.sessions, data=data)
        self.desk.serve(lambda: ADDRESS)
        self.context = Context(
            store=phone.store,
            owner=phone.owner,
            desk=self.desk,
            book=Book(phone.store, self.clock, phone.random),
            sessions=self.sessions,
            languages=LANGUAGES,
            clock=self.clock,
            segments=segments,
            suggested=Suggested(),
            updates=updates,
            zone=UTC,
        )
        self.behind: Any = site_app(self.context, self.hub)
        self.client = AsgiClient(Guard(self.behind, address=ADDRESS, sessions=self.sessions))

    async def browser(self) -> Browser:
        """A tab with an open session."""
        browser = Browser(self.client)
        answer = await browser.open(self.sessions.link())
        assert answer.status == 200, answer.body
        return browser


@asynccontextmanager
async def web_app(
    data: Path, town: Town | None = None, number: str = ALICE, updates: UpdateSwitch | None = None
) -> AsyncIterator[WebApp]:
    """Run a phone with its web app."""
    async with (town or Town()).phone(number).running() as phone:
        app = WebApp(phone, data, updates)
        async with app.client.running():
            yield app


def outcome(answer: Answer) -> dict[str, Any]:
    """What an answer tells the page to do."""
    assert answer.status == 200, answer.body
    found: dict[str, Any] = msgspec.json.decode(answer.body)
    return found


def error(answer: Answer) -> str:
    """The sentence of a refusal."""
    sentence: str = msgspec.json.decode(answer.body)["error"]
    return sentence
