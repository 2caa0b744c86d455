"""`sayso demo`: the whole of Sayso on this machine, in one command."""

import asyncio
import os
import stat
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Final, TextIO

import click

from sayso.cli.demo_story import story
from sayso.cli.output import ReportingGroup, json_option, run_until_stopped, tell_json
from sayso.demo.errors import DemoError
from sayso.demo.prompt import HELP, Prompt
from sayso.demo.steps import Step, opt_in, play
from sayso.demo.world import World, running_world
from sayso.phone import command_types as types

_SIGNS: Final = {"silent": "·", "text": "→", "arrived": "←", "opt-in": "+", "opt-out": "-", "read": "✓"}


@click.group(cls=ReportingGroup, invoke_without_command=True)
@click.option("--once", is_flag=True, help="Play one exchange and stop.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep all state here; without it everything is thrown away at the end.",
)
@json_option
@click.pass_context
def demo(ctx: click.Context, once: bool, data: Path | None, as_json: bool) -> None:  # noqa: FBT001  flags
    """Start a mobile network, a server and two phones on this machine, and text between them.

    \b
    Examples:
        sayso demo                 two phones; you type for both
        sayso demo --once --json   one exchange, step by step, for programs
    """
    if ctx.invoked_subcommand is not None:
        return
    with ExitStack() as stack:
        place = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sayso-demo-")))

        async def everything(stop: asyncio.Event) -> None:
            if not as_json:
                click.echo("Starting a mobile network, a server and two phones ...")
            async with running_world(place) as world:
                await (_play_once(world, as_json=as_json) if once else _play_live(world, stop, as_json=as_json))

        async def serve(stop: asyncio.Event) -> None:
            async with asyncio.TaskGroup() as tasks:
                playing, stopping = tasks.create_task(everything(stop)), tasks.create_task(stop.wait())
                await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if stop.is_set() and not as_json:
                    click.echo("Stopping ...")
                playing.cancel()  # wherever it is; the parts are stopped on the way out
                stopping.cancel()
            if once and playing.cancelled():
                raise DemoError("stopped before the exchange was over")

        run_until_stopped(serve)


demo.add_command(story)


async def _play_once(world: World, *, as_json: bool) -> None:
    steps = [step async for step in _told(world, as_json=as_json)]
    if not as_json:
        click.echo(f"Done: {len(steps)} steps, each of them waited for and checked. Now yourself: make demo")


async def _told(world: World, *, as_json: bool) -> AsyncIterator[Step]:
    async for step in play(world):
        if as_json:
            tell_json(asdict(step))
        else:
            how = f"   [{step.channel}, {step.state}]" if step.channel else ""
            click.echo(f"  {_SIGNS[step.step]} {step.who:>5}  {step.what}{how}")
        yield step


async def _play_live(world: World, stop: asyncio.Event, *, as_json: bool) -> None:
    if as_json:
        raise DemoError("--json goes with --once; the live demo is for people")
    for person in world.people.values():
        await opt_in(world, person)
    sayso = sys.argv[0] if sys.argv[0].endswith("sayso") else "sayso"
    command = f"{sayso} phone send --data {world.data}/alice {world.people['bob'].number} 'hello'"
    click.echo(f"\nTwo phones are on, and both owners said yes. Type:\n\n{HELP}\n")
    click.echo(f"Or from another terminal:\n\n    {command}\n    {sayso} phone messages --data {world.data}/bob\n")
    click.echo("In the browser, each link once and within a minute (later: sayso phone open):\n")
    for person in world.people.values():
        link = (await person.phone.ask(types.OpenApp(), types.AppLink)).link
        click.echo(f"    {person.name}: {link}")
    click.echo(f"\n    {sayso} phone open --data {world.data}/alice\n")
    await Prompt(world, click.echo).run(_typed_lines(), stop)
    click.echo("Stopping ...")


async def _typed_lines() -> AsyncIterator[str]:
    """Yield the lines of stdin; where it is no terminal and ends, wait for the signal to stop instead."""
    if _can_be_waited_for(sys.stdin):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        try:
            while line := await reader.readline():
                yield line.decode("utf-8", "replace")
        finally:
            transport.close()
    else:
        for typed in sys.stdin:
            yield typed
    if not sys.stdin.isatty():
        await asyncio.Event().wait()


def _can_be_waited_for(stdin: TextIO) -> bool:
    """Whether it is a terminal, pipe or socket: uvloop aborts the process at /dev/null and at plain files."""
    mode = os.fstat(stdin.fileno()).st_mode
    return stdin.isatty() or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
