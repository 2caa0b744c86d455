"""Settings > Updates: the yes to checks for updates, a consent of its own. Nothing here sends anything."""

import asyncio
from typing import Annotated, Final

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct

from sayso.phone.errors import CommandError
from sayso.phone.ports import UpdateSwitch
from sayso.phone.web.policy import policy_blocks
from sayso.phone.web.screens import Nothing, Outcome, Screens, WebRequest, done, read

METHOD: Final = "settings-switch"


class AgreeToUpdates(Struct, frozen=True, forbid_unknown_fields=True):
    """The owner's yes."""

    policy_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    """Of the text that was on the screen."""


class UpdateRoutes:
    """The switch, where this phone was installed by the update channel."""

    def __init__(self, screens: Screens) -> None:
        self._screens = screens

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            get("/settings/updates")(self.updates),
            post("/settings/updates/on", status_code=200)(self.turn_on),
            post("/settings/updates/off", status_code=200)(self.turn_off),
        ]

    async def updates(self, request: WebRequest) -> Response[str]:
        """What a yes means, and how it stands."""
        consent = await asyncio.to_thread(self._switch().look)
        return self._screens.page(request, "updates.html", consent=consent, blocks=policy_blocks(consent.policy_text))

    async def turn_on(self, request: WebRequest) -> Response[bytes]:
        """Take the yes."""
        digest = bytes.fromhex((await read(request, AgreeToUpdates)).policy_sha256)
        await asyncio.to_thread(self._switch().agree, policy_sha256=digest, method=METHOD)
        return done(Outcome(refresh="main"))

    async def turn_off(self, request: WebRequest) -> Response[bytes]:
        """Take the no."""
        await read(request, Nothing)
        await asyncio.to_thread(self._switch().stop)
        return done(Outcome(refresh="main"))

    def _switch(self) -> UpdateSwitch:
        switch = self._screens.context.updates
        if switch is None:
            raise CommandError("this phone gets its updates from elsewhere: it was started without --home")
        return switch
