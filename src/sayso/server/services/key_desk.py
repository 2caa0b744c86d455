"""Keys: devices publish theirs, others claim them (design.md §5.3)."""

from collections.abc import Callable

from sayso.protocol import api
from sayso.protocol.api import ProblemType
from sayso.protocol.errors import SignatureError
from sayso.protocol.ids import DeviceId
from sayso.protocol.keys import verify_envelope_key, verify_ratchet_key
from sayso.protocol.signing import Purpose
from sayso.server.directory_port import KeyStore
from sayso.server.errors import Refused
from sayso.server.ports import Clock, RelayControl
from sayso.server.services.identity import ServerIdentity


class KeyDesk:
    """Takes keys and hands them out."""

    def __init__(
        self,
        *,
        identity: ServerIdentity,
        store: KeyStore,
        relay: RelayControl,
        clock: Clock,
        running: Callable[[], float],
        claims_per_day: int,
    ) -> None:
        """Wire it."""
        self._identity = identity
        self._store = store
        self._relay = relay
        self._clock = clock
        self._running = running
        self._claims_per_day = claims_per_day

    async def publish(self, body: api.PublishKeys, *, device: DeviceId, ed25519: bytes) -> api.KeysLeft:
        """Take a device's keys for others to claim.

        Raises:
            Refused: a key is not signed for its purpose, or too old; none is taken. Or the device is not enrolled.
        """
        server = self._identity.digest
        try:
            for key in body.one_time:
                verify_ratchet_key(ed25519, key, Purpose.ONE_TIME_KEY, device=device, server=server)
            if body.fallback is not None:
                verify_ratchet_key(ed25519, body.fallback, Purpose.FALLBACK_KEY, device=device, server=server)
            if body.envelope is not None:
                now = int(self._clock.wall())
                verify_envelope_key(ed25519, body.envelope, device=device, server=server, now=now)
        except SignatureError as error:
            detail = "A key is not signed by the device for its purpose, or is too old."
            raise Refused(ProblemType.MALFORMED, detail) from error
        line = await self._store.publish(device, body, now=self._running())
        if line is None:
            raise Refused(ProblemType.NOT_ENROLLED, "This device is not enrolled.")
        self._relay.line_changed(line)
        return api.KeysLeft(line.one_time_keys)

    async def claim(self, body: api.Claim, *, device: DeviceId) -> bytes:
        """Hand out keys of lines; returns `protocol.api.Claimed`, JSON.

        Raises:
            Refused: a line is asked for twice, the budget is spent, or the request id was used for other lines.
        """
        if len({line.token for line in body.lines}) != len(body.lines):
            raise Refused(ProblemType.MALFORMED, "Each line is asked for once.")
        outcome = await self._store.claim(device, body, now=self._running(), per_day=self._claims_per_day)
        for line in outcome.changed:
            self._relay.line_changed(line)
        return outcome.answer
