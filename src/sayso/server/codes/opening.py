"""Opens the way that codes take.

Only the one that is taken is loaded: what stands between a crash and the mail is the time to load everything.
"""

import importlib
from contextlib import AsyncExitStack

from sayso.server.config import ServerConfig
from sayso.server.ports import Clock, CodeSender, Random


async def open_code_sender(
    config: ServerConfig, closing: AsyncExitStack, *, clock: Clock, random: Random
) -> CodeSender:
    """Open the way that is configured, and have `closing` close it.

    Raises:
        ConfigError: it cannot go that way.
    """
    way = importlib.import_module(f"sayso.server.codes.{'gateway' if config.smpp is None else 'smsc'}")
    sender: CodeSender = await way.open_sender(config, closing, clock=clock, random=random)
    return sender
