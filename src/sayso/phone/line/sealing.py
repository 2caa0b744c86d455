"""Ratchet, seal and handle of one content, durable in one transaction before anything leaves the phone."""

from dataclasses import replace

from sayso.phone.core.incoming import may_be_told
from sayso.phone.core.lines import Device
from sayso.phone.core.outbox import Parcel, Stage
from sayso.phone.core.outgoing import Sealed
from sayso.phone.core.peers import Peer
from sayso.phone.core.sessions import Session, to_send_on, too_many
from sayso.phone.core.texts import Text, after
from sayso.phone.errors import RatchetError
from sayso.phone.line.statements import current
from sayso.phone.line.world import World
from sayso.phone.ports import RatchetSession
from sayso.protocol.content import VERSION, Content, Party, encode_content
from sayso.protocol.envelope import Address, Inner, seal
from sayso.protocol.ids import DeviceId, KeyDigest, Token, handle_hash
from sayso.protocol.xwing import SealPublicKey


def own_party(number: str, device: Device, token: bytes | None = None) -> Party:
    """Return this line as one side of a conversation, under its token or under the one of another epoch."""
    token = token or device.token
    if token is None:
        raise LookupError("this device is not enrolled yet")
    return Party(number, token, device.device, device.ed25519, device.curve25519)


def session_ready(world: World, peer: Peer) -> bool:
    """Whether there is an Olm session to send on."""
    if peer.curve25519 is None:
        return False
    return to_send_on(world.store.peers.sessions(peer.line, peer.curve25519)) is not None


def seal_parcel(world: World, parcel: Parcel, peer: Peer) -> tuple[Parcel, Text | None]:
    """Seal a content that is ready, and store session, envelope and handle in one transaction (`sealed`).

    Args:
        world: see `World`.
        parcel: stage READY.
        peer: with a fresh envelope key, and with a session or a claimed key to open one.

    Returns:
        The parcel in stage SEALED, and the text that it carries, if it carries one.

    Raises:
        RatchetError: the peer's keys cannot be used; nothing was stored.
        EnvelopeError: the same, or the content is too long.
    """
    line = world.store.lines.get(parcel.line)
    device = world.store.lines.device(parcel.line)
    if device is None or line.number is None or device.certificate is None:
        raise LookupError("this line is not enrolled")
    to = _address(device, peer)
    recipient = _party(peer)
    row, session, opened = _session(world, device, peer)
    told = may_be_told(
        peer,
        is_contact=world.store.peers.contact(peer.number) is not None,
        is_blocked=world.store.regard.is_blocked(peer.number),
    )
    counter = parcel.counter or peer.counter + 1
    content = Content(
        version=VERSION,
        kind=parcel.kind,
        message_id=parcel.message_id,
        sender=own_party(line.number, device),
        recipient=recipient,
        counter=counter,
        sent_at_ms=int(world.clock.wall() * 1000),
        statement_digest=current(device)[1],
        salt=device.salt,
        grant=device.grant if told else b"",
        body=parcel.body,
    )
    olm_type, olm = session.encrypt(encode_content(content))
    inner = Inner(olm_type, olm, own_party(line.number, device).token, device.device, device.certificate)
    envelope = seal(inner, to=to, key=SealPublicKey(peer.envelope_key or b""))
    handle = world.random.token_bytes(32)
    sealed = replace(
        parcel,
        counter=counter,
        stage=Stage.SEALED,
        token=to.token,
        device=to.device,
        envelope_key_id=to.key_id,
        handle=handle,
        handle_hash=handle_hash(handle),
        envelope=envelope,
        grant=peer.grant,
    )
    used = replace(peer, counter=max(peer.counter, counter), ratchet_key=None if opened else peer.ratchet_key)
    with world.store.transaction("sealed"):
        world.store.peers.put_session(
            replace(row, state=session.dump(), unanswered=row.unanswered + 1, used_at=world.clock.wall())
        )
        world.store.peers.put(used)
        world.store.outbox.put(sealed)
        text = world.store.texts.outgoing(parcel.line, parcel.number, parcel.message_id)
        if text is not None:
            text = after(text, Sealed())
            world.store.texts.put(text)
    return sealed, text


def retire_sessions(world: World, peer: Peer) -> None:
    """Give up all sessions with a peer's device for sending, inside the caller's transaction."""
    if peer.curve25519 is None:
        return
    for session in world.store.peers.sessions(peer.line, peer.curve25519):
        world.store.peers.put_session(replace(session, retired=True))


def drop_surplus_sessions(world: World, line: bytes, curve25519: bytes) -> None:
    """Forget the sessions with a device that were not used for longest, inside the caller's transaction."""
    for session in too_many(world.store.peers.sessions(line, curve25519)):
        world.store.peers.drop_session(session)


def _session(world: World, device: Device, peer: Peer) -> tuple[Session, RatchetSession, bool]:
    """Return the session to send on: its row, the session, and whether it was opened just now."""
    if peer.curve25519 is None:
        raise RatchetError("the peer's identity key is not known")
    row = to_send_on(world.store.peers.sessions(peer.line, peer.curve25519))
    if row is not None:
        return row, world.ratchet.load_session(row.state), False
    if peer.ratchet_key is None:
        raise RatchetError("no key of the peer is there to open a session with")
    opened = world.ratchet.load_account(device.account).open_outbound(peer.curve25519, peer.ratchet_key)
    row = Session(line=peer.line, peer_curve25519=peer.curve25519, session_id=opened.session_id, state=b"")
    return row, opened, True


def _party(peer: Peer) -> Party:
    if peer.token is None or peer.device is None or peer.ed25519 is None or peer.curve25519 is None:
        raise RatchetError("the peer's keys are not known")
    return Party(peer.number, peer.token, peer.device, peer.ed25519, peer.curve25519)


def _address(device: Device, peer: Peer) -> Address:
    party = _party(peer)
    if peer.envelope_key_id is None:
        raise RatchetError("the peer's envelope key is not known")
    return Address(
        server=KeyDigest(device.server_key),
        token=Token(party.token),
        device=DeviceId(party.device),
        key_id=peer.envelope_key_id,
    )
