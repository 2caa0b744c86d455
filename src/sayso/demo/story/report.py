"""The story as one page, before and after side by side: no script, nothing from elsewhere, everything escaped."""

import base64
import hashlib
from importlib.resources import files
from typing import Final

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup

from sayso.audit.core.model import Direction
from sayso.demo.errors import DemoError
from sayso.demo.story.acts import MUST_BE_EMPTY, Told

_PACKAGE: Final = "sayso.demo.story"


def render(told: Told) -> str:
    """Return the page.

    Raises:
        DemoError: the story is not over.
    """
    if told.before is None or told.cloud is None:
        raise DemoError("the story is not over")
    style = (files(_PACKAGE) / "templates" / "style.css").read_text("utf-8")
    source = (files(_PACKAGE) / "templates" / "story.html.j2").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, loader=BaseLoader(), trim_blocks=True)
    start = told.events[0].at
    return environment.from_string(source).render(
        style=Markup(style),  # noqa: S704  our own file
        style_hash=f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}",
        seconds=round(told.seconds),
        before=[one for one in told.before.report.findings if one.direction is Direction.SENT],
        leaked=told.before.leaked,
        packets_after=told.packets_after,
        packets_after_no=told.packets_after_no,
        screen=told.screen,
        cloud_met=len(told.cloud.met),
        held=sum(count for name, count in told.held.items() if name in MUST_BE_EMPTY),
        timeline=[(f"{event.at - start:.1f}", event.act, event.what) for event in told.events],
        seen=told.cloud.seen,
        random_bytes=f"{sum(one.sent + one.received for one in told.cloud.report.not_seen_into):,}",
    )


def summary(told: Told) -> dict[str, object]:
    """Return what a program wants to know of the story. Raises DemoError."""
    if told.before is None or told.cloud is None or told.over_the_air is None:
        raise DemoError("the story is not over")
    return {
        "event": "story",
        "leaked_before": told.before.leaked,
        "findings_before": len(told.before.report.findings),
        "leaked_by_the_update": told.over_the_air.leaked,
        "packets_after_the_update": told.packets_after,
        "seeds_in_the_cloud": told.cloud.met,
        "exchanges_in_the_cloud": told.cloud.report.stats.exchanges,
        "packets_after_no": told.packets_after_no,
        "server_holds": {name: count for name, count in told.held.items() if name in MUST_BE_EMPTY},
        "seconds": round(told.seconds, 1),
    }
