"""An envelope: opened, checked, stored in one transaction, and only then acknowledged."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sayso.phone.core.incoming import (
    NewerKindCame,
    NoticeCame,
    Proven,
    ReceiptsCame,
    TextCame,
    UnreadableError,
    check_certificate,
    check_content,
    wants_receipt,
    words_about,
)
from sayso.phone.core.lines import Device
from sayso.phone.core.outgoing import ReceiptCame
from sayso.phone.core.peers import with_certificate
from sayso.phone.core.sessions import Session, retired_by_new_inbound
from sayso.phone.core.statements import OddStatement, is_odd
from sayso.phone.core.texts import Channel, Direction, Text, Word, after, first_state
from sayso.phone.errors import RatchetError
from sayso.phone.line.claims import system_word
from sayso.phone.line.joining import Joining
from sayso.phone.line.sealing import drop_surplus_sessions, own_party
from sayso.phone.line.statements import current, shown_to_us
from sayso.phone.line.world import World
from sayso.protocol.certificate import Certificate
from sayso.protocol.content import Kind
from sayso.protocol.envelope import Address, Inner, unseal
from sayso.protocol.errors import EnvelopeError
from sayso.protocol.frames import Ack, Collect, Deliver, Frame, Unreadable, Withdraw, Withdrawn
from sayso.protocol.ids import DeviceId, EnvelopeId, KeyDigest, Token, envelope_id
from sayso.protocol.limits import LIMITS
from sayso.protocol.xwing import SealPrivateKey


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Opened:
    """What the ratchet gave, and the states that become durable with it."""

    plaintext: bytes
    session: Session
    account: bytes | None
    """The account after a session was opened with one of its keys; None for a known session."""
    others: Sequence[Session]


class Inbox:
    """Takes envelopes for one line."""

    def __init__(self, world: World, line: bytes) -> None:
        self._world = world
        self._line = line
        self._joining = Joining(world, line)

    def receive(self, frame: Deliver) -> list[Frame]:
        """Take an envelope. Whatever it holds is durable when this returns.

        Returns:
            The answer, and what else the relay may be told now.
        """
        given = EnvelopeId(frame.envelope_id)
        refused = self._world.store.seen.envelope(self._line, given)
        if refused is not None:
            return [Withdrawn(given, had_it=False) if refused else Ack(given, Unreadable.SHOWN)]
        try:
            opened, proven = self._open(given, frame.envelope)
        except UnreadableError as error:
            return [Ack(given, error.code)]
        return [Ack(given, Unreadable.SHOWN), *self._store(given, opened, proven)]

    def withdraw(self, frame: Withdraw) -> Withdrawn:
        """Say whether an envelope was shown; if not, it never will be, and that is durable first."""
        given = EnvelopeId(frame.envelope_id)
        refused = self._world.store.seen.envelope(self._line, given)
        if refused is None:
            with self._world.store.transaction("refused"):
                self._world.store.seen.add_envelope(self._line, given, at=self._world.clock.wall(), refused=True)
            refused = True
        return Withdrawn(given, had_it=not refused)

    def _open(self, given: EnvelopeId, envelope: bytes) -> tuple[_Opened, Proven]:
        """Open and check; nothing is written, so whatever fails has changed nothing."""
        if envelope_id(envelope) != given:
            raise UnreadableError("the envelope is not the one that its id names", Unreadable.MALFORMED)
        line = self._world.store.lines.get(self._line)
        device = self._world.store.lines.device(self._line)
        if device is None or line.number is None or device.token is None:
            raise UnreadableError("this line is not enrolled", Unreadable.ENVELOPE_KEY)
        now = int(self._world.clock.wall())
        inner, token = self._unseal(device, envelope)
        statement, _ = current(device)
        certificate = check_certificate(
            inner,
            certificate_key=statement.certificate_key,
            other_key=statement.other_certificate_key,
            server=KeyDigest(device.server_key),
            now=now,
        )
        if certificate.device == device.device:
            raise UnreadableError("the sender is this device itself", Unreadable.CERTIFICATE)
        try:
            opened = self._decrypt(device, inner, certificate)
        except RatchetError as error:
            raise UnreadableError("no session opens it", Unreadable.RATCHET) from error
        me = own_party(line.number, device, token)
        return opened, check_content(opened.plaintext, certificate=certificate, me=me, now=now)

    def _unseal(self, device: Device, envelope: bytes) -> tuple[Inner, bytes]:
        """Open the seal; returns what it held, and which of the line's tokens it was sealed to."""
        if len(envelope) not in LIMITS.envelope_sizes_bytes:
            raise UnreadableError("not the size of an envelope", Unreadable.MALFORMED)
        tokens = [token for token in (device.token, device.other_token) if token is not None]
        for own, token in itertools.product(self._world.store.lines.envelope_keys(self._line), tokens):
            to = Address(
                server=KeyDigest(device.server_key),
                token=Token(token),
                device=DeviceId(device.device),
                key_id=own.key_id,
            )
            try:
                return unseal(envelope, to=to, key=SealPrivateKey(own.private)), token
            except EnvelopeError:
                continue
        raise UnreadableError("no envelope key opens it", Unreadable.ENVELOPE_KEY)

    def _decrypt(self, device: Device, inner: Inner, certificate: Certificate) -> _Opened:
        """Decrypt on a session with the certified identity key; on no other, whatever the message says of itself."""
        rows = self._world.store.peers.sessions(self._line, certificate.curve25519)
        for row in rows:
            session = self._world.ratchet.load_session(row.state)
            if inner.olm_type == 0 and not session.matches(inner.olm):
                continue
            try:
                plaintext = session.decrypt(inner.olm_type, inner.olm)
            except RatchetError:
                if inner.olm_type == 0:
                    raise
                continue
            return _Opened(plaintext=plaintext, session=self._used(row, session.dump()), account=None, others=())
        if inner.olm_type != 0:
            raise RatchetError("no session of this sender opens the message")
        account = self._world.ratchet.load_account(device.account)
        session, plaintext = account.open_inbound(certificate.curve25519, inner.olm)
        row = Session(line=self._line, peer_curve25519=certificate.curve25519, session_id=session.session_id, state=b"")
        return _Opened(
            plaintext=plaintext, session=self._used(row, session.dump()), account=account.dump(), others=rows
        )

    def _used(self, row: Session, state: bytes) -> Session:
        return replace(row, state=state, unanswered=0, received=True, used_at=self._world.clock.wall())

    def _store(self, given: EnvelopeId, opened: _Opened, proven: Proven) -> list[Frame]:
        """Make content, dedupe and ratchet durable together."""
        store, content = self._world.store, proven.content
        number = content.sender.number
        shown: list[Text] = []
        frames: list[Frame] = []
        with store.transaction("incoming"):
            store.seen.add_envelope(self._line, given, at=self._world.clock.wall())
            again = store.seen.message(self._line, number, content.message_id)
            # A pre-key message replayed to a fallback key opens a session of its own; it must not become one.
            if not (again and opened.account is not None):
                self._keep_session(opened)
            if not again:
                store.seen.add_message(self._line, number, content.message_id)
                shown, frames = self._take(number, proven)
            if wants_receipt(proven.what):
                store.outbox.owe_receipt(self._line, number, Kind.DELIVERED, content.message_id)
        for text in shown:
            self._world.news.text_changed(text)
        return frames

    def _keep_session(self, opened: _Opened) -> None:
        store = self._world.store
        store.peers.put_session(opened.session)
        if opened.account is None:
            return
        device = store.lines.device(self._line)
        if device is None:
            raise LookupError("this line has no device")
        store.lines.put_device(replace(device, account=opened.account))
        for session in retired_by_new_inbound(opened.others):
            store.peers.put_session(replace(session, retired=True))
        drop_surplus_sessions(self._world, self._line, opened.session.peer_curve25519)

    def _take(self, number: str, proven: Proven) -> tuple[list[Text], list[Frame]]:
        store, content = self._world.store, proven.content
        peer = store.peers.get(self._line, number)
        device = store.lines.device(self._line)
        if device is not None and content.statement_digest != peer.odd_statement:
            self._look_into_statement(device, proven)
        words = words_about(peer, proven)
        store.peers.put(with_certificate(peer, proven.certificate, grant=content.grant))
        shown = [store.texts.add(system_word(self._world, self._line, number, word)) for word in words]
        match proven.what:
            case TextCame(text=text):
                shown.append(store.texts.add(self._row(number, proven, text)))
                return [*shown, *self._joining.message_came(number, content.message_id)], []
            case NoticeCame(notice=notice):
                return [*shown, *self._joining.notice_came(number, notice)], []
            case NewerKindCame():
                row = replace(self._row(number, proven, ""), raw=content.body, reason=Word.NEWER_KIND)
                return [*shown, store.texts.add(row)], []
            case ReceiptsCame() as receipts:
                changed, frames = self._receipts(number, receipts)
                return [*shown, *changed], frames

    def _look_into_statement(self, device: Device, proven: Proven) -> None:
        """Note a statement that the sender goes by and this phone does not: the upkeep asks the server about it."""
        now, content = self._world.clock.wall(), proven.content
        digest, sent_at = content.statement_digest, min(now, content.sent_at_ms / 1000)
        if is_odd(digest, sent_at=sent_at, shown=shown_to_us(device), since=device.statement_since):
            self._world.store.odd.note(
                OddStatement(line=self._line, number=content.sender.number, digest=digest, met_at=now, sent_at=sent_at)
            )

    def _receipts(self, number: str, came: ReceiptsCame) -> tuple[list[Text], list[Frame]]:
        """Apply receipts, to texts of this very conversation only."""
        store = self._world.store
        changed: list[Text] = []
        frames: list[Frame] = []
        for message_id in came.message_ids:
            text = store.texts.outgoing(self._line, number, message_id)
            if text is None:
                continue
            now = after(text, ReceiptCame(read=came.read))
            if now != text:
                store.texts.put(now)
                changed.append(now)
            parcel = store.outbox.of_message(self._line, number, message_id)
            if parcel is not None:
                store.outbox.drop(parcel.id)
                if parcel.handle is not None:
                    frames.append(Collect(parcel.handle))
        return changed, frames

    def _row(self, number: str, proven: Proven, text: str) -> Text:
        content = proven.content
        return Text(
            line=self._line,
            number=number,
            message_id=content.message_id,
            direction=Direction.IN,
            channel=Channel.CLOUD,
            kind=content.kind,
            text=text,
            state=first_state(is_blocked=self._world.store.regard.is_blocked(number)),
            at=content.sent_at_ms / 1000,
            counter=content.counter,
        )
