"""How daemons run: on uvloop, with logs, until somebody stops them."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import uvloop
from structlog.typing import Processor

from sayso.cli.logs import configure_logs


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
