"""What a line knows of another number. Nothing here is ever asked for because of a look or of a message that came."""

from dataclasses import dataclass, replace
from enum import StrEnum

from sayso.protocol.api import DeviceBundle
from sayso.protocol.certificate import Certificate
from sayso.protocol.ids import DeviceId, KeyDigest
from sayso.protocol.keys import verify_envelope_key, verify_identity, verify_ratchet_key
from sayso.protocol.limits import LIMITS
from sayso.protocol.signing import Purpose


class InCloud(StrEnum):
    """What the last claim of keys, or the last message, said."""

    NOT_ASKED = "not-asked"
    NO = "no"
    YES = "yes"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Peer:
    """Another number, as one line knows it."""

    line: bytes
    number: str
    """E.164."""
    token: bytes | None = None
    other_token: bytes | None = None
    """Of another epoch."""
    in_cloud: InCloud = InCloud.NOT_ASKED
    ever_in_cloud: bool = False
    """Once true it stays: such a peer never silently becomes an SMS peer."""
    written: bool = False
    """The owner has written to it, or answered it: it gets the grant and encrypted receipts."""
    device: bytes | None = None
    ed25519: bytes | None = None
    curve25519: bytes | None = None
    certificate_expires: int = 0
    """Of the newest certificate seen: an older device's late message does not turn the keys back."""
    envelope_key_id: int | None = None
    envelope_key: bytes | None = None
    envelope_key_created: int = 0
    ratchet_key: bytes | None = None
    """A claimed one-time (or fallback) key that no session has used yet."""
    grant: bytes = b""
    counter: int = 0
    """Contents sent in this conversation so far."""
    key_changed: bool = False
    """Its keys are not those that its owner's first message had; shown with the thread."""
    odd_statement: bytes | None = None
    """A statement digest in its messages that is not ours, once warned about."""

    def token_in(self, epoch: int) -> bytes | None:
        """Return its token of an epoch, if it is known."""
        return next((one for one in (self.token, self.other_token) if one is not None and one[0] == epoch), None)

    def can_be_sealed_to(self, now: float) -> bool:
        """Whether there is an envelope key that is young enough; otherwise keys have to be claimed."""
        return self.envelope_key is not None and now <= self.envelope_key_created + LIMITS.envelope_key_fresh_s


def reached_under(peer: Peer, token: bytes) -> Peer:
    """Note the token that a peer was found under; one of another epoch is kept beside it."""
    if peer.token is None or peer.token[0] == token[0]:
        return replace(peer, token=token)
    return replace(peer, token=token, other_token=peer.token)


def discovered(peer: Peer, token: bytes) -> Peer:
    """Note a token that the VOPRF gave. A peer in the cloud may not have moved there yet, and stays where it is."""
    if peer.token is None or peer.token[0] == token[0] or peer.in_cloud is not InCloud.YES:
        return reached_under(peer, token)
    return replace(peer, other_token=token)


def without_keys(peer: Peer) -> Peer:
    """Forget the claimed keys, so that they are claimed again before the next seal."""
    return replace(peer, envelope_key_id=None, envelope_key=None, envelope_key_created=0, ratchet_key=None)


def not_enrolled(peer: Peer) -> Peer:
    """Note that nobody is enrolled under this number (or that it looks so)."""
    return replace(without_keys(peer), in_cloud=InCloud.NO)


def check_bundle(bundle: DeviceBundle, *, server: KeyDigest, now: int) -> None:
    """Check that all keys of a bundle belong together.

    Raises:
        SignatureError: a key is not signed by the device's key for its purpose, or is too old.
    """
    keys, device = bundle.keys, DeviceId(bundle.keys.device)
    verify_identity(keys, server=server)
    purpose = Purpose.FALLBACK_KEY if bundle.fallback else Purpose.ONE_TIME_KEY
    verify_ratchet_key(keys.ed25519, bundle.ratchet, purpose, device=device, server=server)
    verify_envelope_key(keys.ed25519, bundle.envelope, device=device, server=server, now=now)


def with_bundle(peer: Peer, bundle: DeviceBundle) -> Peer:
    """Take over claimed keys, already checked by `check_bundle`."""
    changed = keys_differ(peer, bundle.keys.device, bundle.keys.ed25519, bundle.keys.curve25519)
    return replace(
        peer,
        in_cloud=InCloud.YES,
        ever_in_cloud=True,
        device=bundle.keys.device,
        ed25519=bundle.keys.ed25519,
        curve25519=bundle.keys.curve25519,
        certificate_expires=0 if changed else peer.certificate_expires,
        envelope_key_id=bundle.envelope.id,
        envelope_key=bundle.envelope.key,
        envelope_key_created=bundle.envelope.created,
        ratchet_key=bundle.ratchet.key,
        key_changed=peer.key_changed or changed,
    )


def with_certificate(peer: Peer, certificate: Certificate, *, grant: bytes) -> Peer:
    """Take over what a message proved. Keys of an older device than the one known do not replace it."""
    grant = grant or peer.grant
    seen = replace(reached_under(peer, certificate.token), in_cloud=InCloud.YES, ever_in_cloud=True, grant=grant)
    if not keys_differ(peer, certificate.device, certificate.ed25519, certificate.curve25519):
        first = replace(seen, certificate_expires=max(peer.certificate_expires, certificate.expires))
        return replace(first, device=certificate.device, ed25519=certificate.ed25519, curve25519=certificate.curve25519)
    if certificate.expires < peer.certificate_expires:
        return replace(seen, key_changed=True)
    return replace(
        without_keys(seen),
        device=certificate.device,
        ed25519=certificate.ed25519,
        curve25519=certificate.curve25519,
        certificate_expires=certificate.expires,
        key_changed=True,
    )


def keys_differ(peer: Peer, device: bytes, ed25519: bytes, curve25519: bytes) -> bool:
    """Whether these are other keys than those known; the first keys of a peer are no change."""
    if peer.device is None:
        return False
    return (peer.device, peer.ed25519, peer.curve25519) != (device, ed25519, curve25519)
