"""Groups whose commands are loaded when they are used; their help is written without loading any of them."""

import gc
import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import click

from sayso.cli.output import ReportingGroup


class Place(NamedTuple):
    """Where a command is."""

    module: str
    name: str
    """Of the command's object in the module."""
    help: str
    """The first sentence of its docstring: a test holds the two together."""
    extra: str = ""
    """Of the package, where it is another one than the group's."""


class LazyGroup(click.Group):
    """A group that knows its commands by their places.

    Args:
        places: by the command's name, in the order of the help.
        extra: of the package; it brings the libraries that commands may miss.
    """

    def __init__(self, *args: Any, places: Mapping[str, Place], extra: str = "", **more: Any) -> None:
        super().__init__(*args, **more)
        self._places: Final = places
        self._extra: Final = extra

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """The names, in the order of the help."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """Load a command."""
        place = self._places.get(cmd_name)
        if place is None:
            return None
        try:
            with _uncollected():
                command: click.Command = getattr(importlib.import_module(place.module), place.name)
        except ModuleNotFoundError as error:
            extra, library = place.extra or self._extra, (error.name or "").partition(".")[0]
            if not extra or library == "sayso":
                raise
            raise click.ClickException(
                f"'{cmd_name}' needs the Python package '{library}': pip install 'sayso[{extra}]'"
            ) from error
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's signature
        """Write the list of commands."""
        room = formatter.width - 6 - max(map(len, self._places))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, click.Command(name, help=place.help).get_short_help_str(room))
                    for name, place in self._places.items()
                ]
            )


class LazyReportingGroup(LazyGroup, ReportingGroup):
    """Both."""


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector away: what is loaded stays, and to look through it over and over takes a sixth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
