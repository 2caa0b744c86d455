"""How commands speak: plain text for people, one JSON object per line with `--json`, errors that say what to do."""

import importlib
import os
import shutil
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
import msgspec

from sayso.protocol.errors import SaysoError

if TYPE_CHECKING:
    import asyncio

    from structlog.typing import Processor

FAILED = 1
UNCUT = 400

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
        except (SaysoError, OSError) as error:
            self._report(error)
        except BaseExceptionGroup as group:
            self._report(_first(group))
        return None

    def _report(self, error: BaseException) -> None:
        """Say an error that tells a person what to do; let any other go on its way."""
        if isinstance(error, _NAMED) and error.filename:
            error = SaysoError(f"{error.filename}: {error.strerror}")
        if not isinstance(error, SaysoError):
            raise  # noqa: PLE0704  called where an error is being handled
        fail(error, as_json="--json" in sys.argv)


_NAMED = (PermissionError, FileNotFoundError, IsADirectoryError, NotADirectoryError)
"""Errors of the system that a person can mend, given the name of the file."""


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error of ours in a group that tells most; else the first of them."""
    errors = list(_leaves(group))
    return next((error for error in errors if isinstance(error, (SaysoError, *_NAMED))), errors[0])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


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


def tell_underway(what: str, *, as_json: bool = False) -> None:
    """Say what takes a moment, before it begins, to a person at a terminal; programs and logs do not hear of it."""
    if not as_json and sys.stderr.isatty():
        click.echo(f"{what} ...", err=True)


def run_until_stopped(
    serve: Callable[["asyncio.Event"], Coroutine[Any, Any, None]], *, log_processors: Sequence["Processor"] = ()
) -> None:
    """Run a part until SIGINT or SIGTERM, then let it stop gracefully; a second signal ends it at once."""
    # The loop and the logs take longer to load than most commands take to run, and few commands are daemons.
    importlib.import_module("sayso.cli.running").run_until_stopped(serve, log_processors=log_processors)


def terminal_width() -> int:
    """Columns for a table; where nobody looks at a screen, nothing has to be cut."""
    return shutil.get_terminal_size((120, 40)).columns if sys.stdout.isatty() else UNCUT


def read_secret(path: Path | None, what: str) -> str | None:
    """Read a secret from the first line of a file.

    Raises:
        SaysoError: the file is empty, or others may read it.
    """
    if path is None:
        return None
    # systemd hands a credential to a service's own user by an access list, whose mask shows as the group's bits.
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    others = 0o007 if credentials is not None and path.parent == Path(credentials) else 0o077
    if path.stat().st_mode & others:
        raise SaysoError(f"others may read the {what} in {path}; run: chmod 600 {path}")
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0]:
        raise SaysoError(f"{path} is empty; write the {what} into its first line")
    return lines[0]
