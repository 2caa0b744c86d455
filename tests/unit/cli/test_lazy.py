"""Groups that load a command when it is used."""

import gc
import subprocess
import sys

import click
import pytest

from sayso.cli import audit, main, phone, server
from sayso.cli.lazy import LazyGroup, Place

PLACES = {
    "path": Place("another_that_nobody_has", "command", "Say where this is."),
    "lost": Place("a_library_that_nobody_has", "command", "Not there."),
}


@pytest.mark.parametrize(
    ("group", "places"),
    [
        (main.main, main.PLACES),
        (audit.audit, audit.PLACES),
        (server.server, server.PLACES),
        (phone.phone, phone.PLACES),
    ],
    ids=["main", "audit", "server", "phone"],
)
def test_the_help_says_of_each_command_what_the_command_says_of_itself(
    group: click.Group, places: dict[str, Place]
) -> None:
    context = click.Context(group)
    for name, place in places.items():
        command = group.get_command(context, name)
        assert command is not None
        assert (command.help or "").partition("\n\n")[0].replace("\n", " ").startswith(place.help)


def test_a_command_that_is_not_there() -> None:
    group = LazyGroup("tool", places=PLACES)
    assert group.get_command(click.Context(group), "other") is None


def test_a_library_that_is_missing_is_named_with_the_extra_that_brings_it() -> None:
    group = LazyGroup("tool", places=PLACES, extra="more")
    with pytest.raises(click.ClickException, match=r"pip install 'sayso\[more\]'"):
        group.get_command(click.Context(group), "lost")
    bare = LazyGroup("tool", places=PLACES)
    with pytest.raises(ModuleNotFoundError):
        bare.get_command(click.Context(bare), "lost")


def test_the_help_of_a_group_is_written_without_loading_a_command() -> None:
    group = LazyGroup("tool", places=PLACES)
    assert group.get_help(click.Context(group)).endswith("  path  Say where this is.\n  lost  Not there.")


@pytest.mark.parametrize("was_on", [True, False])
def test_the_garbage_collector_is_left_as_it_was(*, was_on: bool) -> None:
    group = LazyGroup("tool", places=PLACES, extra="more")
    (gc.enable if was_on else gc.disable)()
    try:
        with pytest.raises(click.ClickException):
            group.get_command(click.Context(group), "lost")
        assert gc.isenabled() is was_on
    finally:
        gc.enable()


_WITHOUT = "import sys; sys.modules[sys.argv.pop(1)] = None; from sayso.cli.main import main; main(sys.argv[1:])"


@pytest.mark.parametrize(
    ("library", "words", "named", "extra"),
    [
        ("uvicorn", ["server", "run"], "run", "server"),
        ("asyncpg", ["server", "migrate"], "migrate", "cluster"),
        ("uvloop", ["phone", "send"], "send", "phone"),
        ("ahocorasick_rs", ["audit", "scan"], "scan", "audit"),
        ("tuf", ["update", "status"], "update", "update"),
    ],
)
def test_whoever_installed_too_little_is_told_what_to_install(
    library: str, words: list[str], named: str, extra: str
) -> None:
    """Also by a group within the group: each knows what brings the libraries of its commands."""
    command = [sys.executable, "-c", _WITHOUT, library, *words, "--help"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == f"Error: '{named}' needs the Python package '{library}': pip install 'sayso[{extra}]'\n"
