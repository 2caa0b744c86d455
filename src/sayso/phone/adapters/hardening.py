"""Argon2id beside the event loop: a PIN takes a good fraction of a second, and 64 MiB."""

import asyncio

from sayso.protocol.pin import prove


async def harden_in_thread(output: bytes, salt: bytes) -> bytes:
    """Return the proof of a PIN; see `protocol.pin.prove`."""
    return await asyncio.to_thread(prove, output, salt)
