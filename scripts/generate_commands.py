"""Generate docs/reference/commands.md from the `--help` of every command."""

import importlib
import importlib.util
from collections.abc import Iterator, Mapping

import click

MODULE = "sayso.cli.main"
HEAD = "<!-- Generated from `sayso --help` by `make docs`; change the commands' docstrings. -->\n\n# Commands\n"


def pages() -> Mapping[str, str]:
    """Path below the repository to text; nothing as long as there is no command line."""
    if importlib.util.find_spec("sayso.cli") is None or importlib.util.find_spec(MODULE) is None:
        return {}
    main = importlib.import_module(MODULE).main
    if not isinstance(main, click.Command):
        raise TypeError(f"{MODULE}.main is no click command")
    return {"docs/reference/commands.md": commands_page(main)}


def commands_page(main: click.Command) -> str:
    """Every command with its help, in the order of the tree."""
    return "\n".join((HEAD, *sections(main, "sayso", None)))


def sections(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    """One section for the command, then one for each below it."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=100, max_content_width=100)
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from sections(found, below, context)
