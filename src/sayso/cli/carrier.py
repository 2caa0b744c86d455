"""`sayso carrier`: the simulated mobile network, for the demo and for tests."""

import asyncio
import contextlib
from pathlib import Path

import click
import msgspec

from sayso.carrier.adapters.control_client import AsyncControlClient
from sayso.carrier.app import CarrierAddresses, CarrierConfig, run
from sayso.carrier.core.events import AddSim
from sayso.carrier.errors import NameTakenError
from sayso.cli.output import ReportingGroup, data_option, json_option, run_until_stopped, tell_json
from sayso.protocol.errors import SaysoError


@click.group(cls=ReportingGroup)
def carrier() -> None:
    """Run a simulated mobile network: SIMs, modems, SMS, and a gateway for the server's codes."""


@carrier.command("run")
@data_option("carrier")
@click.option("--port", default=0, show_default=True, help="Port of the sendsms gateway on 127.0.0.1; 0 chooses.")
@click.option(
    "--sim",
    "sims",
    multiple=True,
    metavar="NAME=NUMBER",
    help="A SIM in a modem of its own, made if it is missing; may be repeated.",
)
@json_option
def run_carrier(data: Path, port: int, sims: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001  a flag
    """Run the network until SIGTERM.

    \b
    Example: two SIMs, for two phones
        sayso carrier run --data ./carrier --sim alice=+447700900001 --sim bob=+447700900002
    """
    wanted = [_read_sim(sim) for sim in sims]
    started: asyncio.Queue[CarrierAddresses] = asyncio.Queue()

    async def add_sims() -> None:
        addresses = await started.get()
        async with AsyncControlClient(addresses.control) as control:
            for sim in wanted:
                with contextlib.suppress(NameTakenError):  # made at an earlier start
                    await control.call(sim)
        if as_json:
            tell_json({"event": "ready", "gateway": addresses.url, "modems": str(addresses.modems)})
            return
        click.echo(f"Gateway  {addresses.url}\nModems   {addresses.modems}/NAME.sock\nControl  {addresses.control}")
        click.echo("Stop with Ctrl-C.")

    async def serve(stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(add_sims())
            await run(CarrierConfig(data=data, http_port=port), ready=started.put_nowait, stop=stop)

    run_until_stopped(serve)


def _read_sim(text: str) -> AddSim:
    name, _, number = text.partition("=")
    try:
        return msgspec.convert({"op": "add-sim", "name": name, "number": number}, AddSim)
    except msgspec.ValidationError as error:
        raise SaysoError(
            "write a SIM as NAME=NUMBER, such as alice=+447700900001: the name in small letters and digits"
        ) from error
