"""Rotation of the server's keys: what replaces a key, and how the old one ends (docs/adr/0014).

A key is replaced while the server stands still (`sayso server rotate`). The server that starts with it gives the
overlap its end, and destroys the old key when that has come: in the keyring first, then wherever it is at work.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import structlog

from sayso.protocol.xwing import PRIVATE_BYTES
from sayso.server.core.retiring import KeyKind, Retiring, begun, of_kind, remaining
from sayso.server.directory_port import EpochStore
from sayso.server.errors import ConfigError
from sayso.server.evaluator_port import EvaluatorKeys
from sayso.server.ports import Random, RelayControl, SecretsFile, ServerSecrets
from sayso.server.services.erasure import Erasures
from sayso.server.services.identity import ServerIdentity

_LOG: Final = structlog.get_logger()
_SEED_BYTES: Final = 32
_EPOCHS: Final = 256
_REGISTRAR_IDS: Final = 2**32


def rotated(secrets: ServerSecrets, kind: KeyKind, random: Random) -> ServerSecrets:
    """Replace a key; the old one lives on beside it.

    Args:
        secrets: from the keyring.
        kind: which one.
        random: fit for keys.

    Raises:
        ConfigError: the key before it has not gone yet.
    """
    if of_kind(secrets.retiring, kind) is not None:
        raise ConfigError(
            f"the {kind} key was replaced less than 14 days of running time ago: phones go by two at once, and not by "
            "three; try again when the old one has been destroyed"
        )
    seed = random.token_bytes(PRIVATE_BYTES if kind is KeyKind.REGISTRAR else _SEED_BYTES)

    def with_old(number: int, key: bytes) -> list[Retiring]:
        return [*secrets.retiring, Retiring(kind=kind, number=number, key=key)]

    match kind:
        case KeyKind.VOPRF:
            old = with_old(secrets.epoch, secrets.voprf)
            return replace(secrets, retiring=old, voprf=seed, epoch=(secrets.epoch + 1) % _EPOCHS)
        case KeyKind.REGISTRAR:
            old = with_old(secrets.registrar_id, secrets.registrar)
            next_id = (secrets.registrar_id + 1) % _REGISTRAR_IDS
            return replace(secrets, retiring=old, registrar=seed, registrar_id=next_id)
        case KeyKind.CERTIFICATE:
            return replace(secrets, retiring=with_old(0, secrets.certificate), certificate=seed)
        case KeyKind.RECEIPT:
            return replace(secrets, retiring=with_old(0, secrets.receipt), receipt=seed)


class Rotation:
    """Begins and ends overlaps of one server."""

    def __init__(
        self,
        secrets: ServerSecrets,
        *,
        file: SecretsFile,
        identity: ServerIdentity,
        evaluator: EvaluatorKeys,
        store: EpochStore,
        erasures: Erasures,
        relay: RelayControl,
        running: Callable[[], float],
    ) -> None:
        """Wire it; `begin` comes first."""
        self._secrets = secrets
        self._file = file
        self._identity = identity
        self._evaluator = evaluator
        self._store = store
        self._erasures = erasures
        self._relay = relay
        self._running = running

    async def begin(self) -> None:
        """Give overlaps that begin now their end, and finish the end of an epoch that a crash interrupted.

        Raises:
            KeyringError: the keyring cannot be written.
        """
        now = self._running()
        await self._change(remaining(begun(self._secrets.retiring, now=now), now=now))
        # What is found here waits in the directory, and is finished when the relay can commit.
        await self._store.end_epochs(self._identity.epochs, now=now)

    async def end_due(self) -> None:
        """Destroy the keys whose overlap is over. Call every minute or so.

        Raises:
            KeyringError: the keyring cannot be written; all goes on as it was.
        """
        now, before = self._running(), self._identity.epochs
        await self._change(remaining(self._secrets.retiring, now=now))
        if self._identity.epochs == before:
            return
        ended = await self._store.end_epochs(self._identity.epochs, now=now)
        for erasure in ended.erasures:
            await self._erasures.finish(erasure)
        for line in ended.changed:
            self._relay.line_changed(line)
        _LOG.info("epoch ended", lapsed=len(ended.erasures))

    async def _change(self, retiring: list[Retiring]) -> None:
        if retiring == self._secrets.retiring:
            return
        secrets = replace(self._secrets, retiring=retiring)
        await asyncio.to_thread(self._file.rewrite, secrets)
        gone = len(self._secrets.retiring) - len(retiring)
        self._secrets = secrets
        self._identity.use(secrets)
        await self._evaluator.use(self._identity.voprf_keys)
        _LOG.info("keys changed", destroyed=gone, overlapping=len(retiring))
