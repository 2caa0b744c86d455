"""An enrolled line's own affairs: certificate and lease, grant, and seeing all that is held of it."""

from collections.abc import Callable

from sayso.protocol import api
from sayso.protocol.api import ProblemType
from sayso.protocol.ids import DeviceId, GrantHash
from sayso.protocol.limits import LIMITS
from sayso.server.core.lease import lease_from
from sayso.server.directory_port import KeyStore, LineStore
from sayso.server.errors import Refused
from sayso.server.ports import RelayControl
from sayso.server.services.identity import ServerIdentity


class Lines:
    """What a device asks about its own line."""

    def __init__(
        self,
        *,
        identity: ServerIdentity,
        store: LineStore,
        keys: KeyStore,
        relay: RelayControl,
        running: Callable[[], float],
    ) -> None:
        """Wire it."""
        self._identity = identity
        self._store = store
        self._keys = keys
        self._relay = relay
        self._running = running

    async def renew(self, device: DeviceId) -> api.Renewed:
        """Renew the lease, which wakes a line that has lapsed, and issue a fresh certificate.

        Raises:
            Refused: the device is not enrolled.
        """
        now = self._running()
        enrolment = await self._store.enrolment(device)
        lines = await self._store.renew_leases({device: lease_from(now)}, now=now)
        if enrolment is None or not lines:
            raise _not_enrolled()
        self._relay.line_changed(lines[0])
        certificate = self._identity.issue_certificate(enrolment.token, enrolment.commitment, enrolment.keys)
        return api.Renewed(certificate, LIMITS.lease_s)

    async def set_grant(self, body: api.SetGrant, *, device: DeviceId) -> None:
        """Replace the hash of the line's grant.

        Raises:
            Refused: the device is not enrolled.
        """
        line = await self._store.set_grant(device, GrantHash(body.grant_hash), now=self._running())
        if line is None:
            raise _not_enrolled()
        self._relay.line_changed(line)

    async def holdings(self, device: DeviceId) -> api.Holdings:
        """Return all that the server holds of a line.

        Raises:
            Refused: the device is not enrolled.
        """
        enrolment = await self._store.enrolment(device)
        if enrolment is None:
            raise _not_enrolled()
        held = await self._keys.held_keys(device)
        envelopes, size = self._relay.holdings(device)
        return api.Holdings(
            token=enrolment.token,
            commitment=enrolment.commitment,
            device=enrolment.keys,
            findable=enrolment.findable,
            enrolled_on=enrolment.enrolled_on,
            lease_ends_s=int(enrolment.lease_ends),
            receipt_sha256=enrolment.receipt_sha256,
            policy_sha256=enrolment.policy_sha256,
            grant_sha256=enrolment.grant_hash,
            one_time_keys=held.one_time_keys,
            fallback_key=held.fallback_key,
            envelope_keys=list(held.envelope_keys),
            waiting_envelopes=envelopes,
            waiting_bytes=size,
        )


def _not_enrolled() -> Refused:
    return Refused(ProblemType.NOT_ENROLLED, "This device is not enrolled.")
