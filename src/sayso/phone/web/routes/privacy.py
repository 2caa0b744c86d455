"""What has left this phone: every connection that Sayso has made, from the gates' own journals."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from sayso.phone import command_types as ask
from sayso.phone.errors import CommandError
from sayso.phone.web import times
from sayso.phone.web.context import Context
from sayso.phone.web.screens import Screens, WebRequest
from sayso.phone.web.sizes import size

CONNECTIONS: Final = 500
"""Shown at once."""


class PrivacyRoutes:
    """Looks into journals, and nowhere else."""

    def __init__(self, screens: Screens) -> None:
        self._screens = screens
        self._context = screens.context

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [get("/privacy")(self.privacy)]

    async def privacy(self, request: WebRequest) -> Response[str]:
        """Every connection: when, to whom, for which purpose, how many bytes each way; the newest first."""
        language, now = self._screens.language(request), self._context.now()
        purposes = _purposes(language.gettext)
        of_lines, total, several = await self._of_lines()
        of_updates = await update_connections(self._context)
        shown = sorted([*of_lines, *of_updates], key=lambda one: one.at, reverse=True)[:CONNECTIONS]
        days: list[tuple[str, list[tuple[str, str, ask.Connection]]]] = []
        for connection in shown:
            moment = times.at(connection.at, self._context.zone)
            day = times.day(moment, now, language)
            if not days or days[-1][0] != day:
                days.append((day, []))
            purpose = purposes.get(connection.purpose, connection.purpose)
            days[-1][1].append((times.clock(moment, language), purpose, connection))
        return self._screens.page(
            request,
            "privacy.html",
            days=days,
            total=total + len(of_updates),
            sent=sum(one.sent_bytes or 0 for one in shown),
            received=sum(one.received_bytes or 0 for one in shown),
            size=lambda count: size(count, language),
            several=several,
            shown=len(shown),
        )

    async def _of_lines(self) -> tuple[list[ask.Connection], int, bool]:
        """Return the newest connections of all lines, how many there were ever, and whether there are several lines."""
        found = await self._context.owner.handle(ask.Connections(limit=CONNECTIONS))
        report = await self._context.owner.handle(ask.Status())
        if not isinstance(found, ask.ConnectionList) or not isinstance(report, ask.StatusReport):
            raise CommandError("the phone's daemon is of another version; restart it")
        return found.connections, sum(line.connections for line in report.lines), len(report.lines) > 1


async def update_connections(context: Context) -> list[ask.Connection]:
    """Return the connections of the update channel, which has a consent and a journal of its own."""
    if context.updates is None:
        return []
    return [
        ask.Connection(
            line="",
            at=one.at,
            host=one.host,
            port=one.port,
            purpose=one.purpose,
            sent_bytes=one.sent_bytes,
            received_bytes=one.received_bytes,
        )
        for one in await asyncio.to_thread(context.updates.connections)
    ]


def _purposes(_: Callable[[str], str]) -> Mapping[str, str]:
    """Return what the gates' words mean, for whoever reads them."""
    return {
        "messages": _("What messages come and go by"),
        "requests": _("Turning on and off, keys, looking up blinded numbers"),
        "updates": _("Looking for an update"),
    }
