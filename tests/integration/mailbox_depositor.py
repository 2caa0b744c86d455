"""A process that commits batches to a mailbox store until it is killed, and says which ones are durable.

Run as `python -m tests.integration.mailbox_depositor DIRECTORY`. Each line it prints is the number of a batch whose
commit has returned. Batch n puts `PER_BATCH` envelopes with consecutive seqs and settles the first half of batch n - 1;
after every third the hour key is turned.
"""

import asyncio
import sys
from pathlib import Path

from sayso.server.adapters.keyring.file_keyring import PlainKeyring
from sayso.server.adapters.mailbox.store import EmbeddedMailboxStore
from sayso.server.adapters.system import SystemClock, SystemRandom
from sayso.server.core.model import Batch
from tests.contract.mailbox_store import outcome, put

PER_BATCH = 40


def batch(number: int) -> Batch:
    """Return batch `number`, 0 being the first."""
    first = 1 + number * PER_BATCH
    before = range(first - PER_BATCH, first - PER_BATCH // 2) if number else ()
    return Batch(
        put=[put(seq) for seq in range(first, first + PER_BATCH)],
        settled=[(seq, outcome(put(seq))) for seq in before],
    )


async def open_store(directory: Path) -> EmbeddedMailboxStore:
    """Open the store below a directory."""
    keyring = PlainKeyring(directory / "keyring", random=SystemRandom(), clock=SystemClock())
    return await EmbeddedMailboxStore.open(directory / "mailbox", keyring, SystemRandom())


async def deposit(directory: Path) -> None:
    """Commit batch after batch, going on where the last process was killed."""
    store = await open_store(directory)
    number = ((await store.load()).next_seq - 1) // PER_BATCH
    while True:
        await store.commit(batch(number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        if number % 3 == 2:
            await store.turn(store.generation + 1)
        number += 1


if __name__ == "__main__":
    asyncio.run(deposit(Path(sys.argv[1])))
