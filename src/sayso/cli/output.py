"""How commands speak: plain text for people, one JSON object per line with `--json`, errors that say what to do."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
import msgspec
import uvloop
from structlog.typing import Processor

from sayso.cli.logs import configure_logs
from sayso.protocol.errors import SaysoError

FAILED = 1

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object per line, for programs.")
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def data_option(what: str) -> Callable[[CommandT], CommandT]:
    """Return the `--data` option: the directory below which all state of a part lies."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        required=True,
        envvar="SAYSO_DATA",
        help=f"Directory for all state of this {what}; made if it is missing.",
    )


class ReportingGroup(click.Group):
    """Turns our errors into one line on stderr (or one JSON object on stdout) and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except* SaysoError as group:
            fail(_first(group), as_json="--json" in sys.argv)
        except* (PermissionError, FileNotFoundError, IsADirectoryError, NotADirectoryError) as group:
            fail(_os_error(_first(group)), as_json="--json" in sys.argv)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _os_error(error: BaseException) -> BaseException:
    if isinstance(error, OSError) and error.filename:
        return SaysoError(f"{error.filename}: {error.strerror}")
    return error


def fail(error: BaseException, *, as_json: bool) -> NoReturn:
    """Say what went wrong, and exit with 1."""
    if as_json:
        tell_json({"error": str(error)})
    else:
        click.echo(f"sayso: {error}", err=True)
    sys.exit(FAILED)


def tell_json(value: object) -> None:
    """Print a value as one line of JSON, at once: whoever reads may be a program that waits for it."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def run_until_stopped(
    serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]], *, log_processors: Sequence[Processor] = ()
) -> None:
    """Run a part until SIGINT or SIGTERM, then let it stop gracefully; a second signal ends it at once."""

    async def supervise() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def ask_to_stop(number: signal.Signals) -> None:
            loop.remove_signal_handler(number)
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ask_to_stop, number)
        await serve(stop)

    configure_logs(log_processors)
    uvloop.run(supervise())


def read_secret(path: Path | None, what: str) -> str | None:
    """Read a secret from the first line of a file.

    Raises:
        SaysoError: the file is empty, or others may read it.
    """
    if path is None:
        return None
    if path.stat().st_mode & 0o077:
        raise SaysoError(f"others may read the {what} in {path}; run: chmod 600 {path}")
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0]:
        raise SaysoError(f"{path} is empty; write the {what} into its first line")
    return lines[0]
