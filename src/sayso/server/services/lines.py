"""An enrolled line's own affairs: certificate and lease, grant, and seeing all that is held of it."""

import math
from collections.abc import Callable

from sayso.consent.receipts import Receipt, receipt_digest
from sayso.protocol import api
from sayso.protocol.api import ProblemType
from sayso.protocol.ids import DeviceId, GrantHash
from sayso.protocol.limits import LIMITS
from sayso.server.core.directory import AgreedConsent
from sayso.server.core.enrolment import check_consent
from sayso.server.core.lease import lease_from
from sayso.server.directory_port import KeyStore, LineStore, LockStore, PinStore
from sayso.server.discovery_port import SetStore
from sayso.server.errors import Refused
from sayso.server.ports import RelayControl
from sayso.server.services.discovery import Discovery
from sayso.server.services.identity import ServerIdentity


class Lines:
    """What a device asks about its own line."""

    def __init__(
        self,
        *,
        identity: ServerIdentity,
        store: LineStore,
        keys: KeyStore,
        pins: PinStore,
        locks: LockStore,
        discovery: Discovery,
        sets: SetStore,
        relay: RelayControl,
        running: Callable[[], float],
    ) -> None:
        """Wire it."""
        self._identity = identity
        self._store = store
        self._keys = keys
        self._pins = pins
        self._locks = locks
        self._discovery = discovery
        self._sets = sets
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

    async def agree_anew(self, body: api.AgreeAnew, *, device: DeviceId, ed25519: bytes) -> api.AgreedAnew:
        """Put a consent to the present policy in force, and sign that it was taken.

        Raises:
            Refused: the consent does not fit, or the device is not enrolled (any more).
        """
        identity = self._identity
        consent = check_consent(
            body.consent, device=device, ed25519=ed25519, server=identity.digest, policy=identity.policy
        )
        receipt = Receipt(
            event="given",
            record_id=consent.record.record_id,
            record_sha256=consent.digest,
            server_key=identity.digest,
            device=device,
            policy_sha256=identity.policy.sha256,
            on=identity.today(),
        )
        agreed = AgreedConsent(
            findable=consent.record.findable,
            receipt_sha256=receipt_digest(receipt),
            policy_sha256=identity.policy.sha256,
        )
        line = await self._store.set_consent(device, agreed, now=self._running())
        if line is None:
            raise _not_enrolled()
        self._relay.line_changed(line)
        return api.AgreedAnew(identity.sign_receipt(receipt))

    async def holdings(self, device: DeviceId) -> api.Holdings:
        """Return all that the server holds of a line.

        Raises:
            Refused: the device is not enrolled.
        """
        enrolment = await self._store.enrolment(device)
        if enrolment is None:
            raise _not_enrolled()
        held = await self._keys.held_keys(device)
        pin = await self._pins.pin(device)
        now = self._running()
        newcomer = await self._locks.newcomer(device, now=now)
        budget = await self._discovery.held(enrolment.token)
        ending = enrolment.previous_token
        previous = None if ending is None else await self._discovery.held(ending)
        leaves_at = await self._sets.leaves_at(device)
        envelopes, size = await self._relay.holdings(device)
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
            highest_key=held.highest_key,
            claims_since_s=None if held.claims is None else int(held.claims.since),
            claims_spent=0 if held.claims is None else held.claims.spent,
            codes_asked=await self._store.codes_asked(device, now=now),
            waiting_envelopes=envelopes,
            waiting_bytes=size,
            pin_set=pin is not None,
            pin_tries=0 if pin is None else pin.tries_left,
            pin_own_tries=0 if pin is None else pin.own_tries_left,
            newcomer_since_s=None if newcomer is None else int(newcomer.since),
            newcomer_until_s=None if newcomer is None else int(newcomer.until),
            discovery_full_at_s=0 if budget is None else math.ceil(budget.full_at),
            discovery_last_batch=b"" if budget is None else budget.last_batch,
            previous_discovery_full_at_s=math.ceil(previous.full_at) if previous else 0,
            previous_discovery_last_batch=previous.last_batch if previous else b"",
            previous_token=enrolment.previous_token or b"",
            set_leaves_at_s=0 if leaves_at is None else math.ceil(leaves_at),
        )


def _not_enrolled() -> Refused:
    return Refused(ProblemType.NOT_ENROLLED, "This device is not enrolled.")
