"""What an opened envelope has to prove before a number is shown, and what then becomes of it (design.md §5.3).

    envelope ─ seen? ─▶ acknowledge again
       │
       ▼ unseal (envelope key) ─ certificate signed by this server, about the device that the seal names
       ▼ ratchet: a session with the certified Curve25519 key, and with no other
       ▼ content: sender is the certified one, its number opens the commitment, the recipient is this very line
       ▼ message id seen? ─▶ acknowledge, show nothing
       └▶ text | receipts | sent-as-SMS notice | a kind that this version does not know

Whatever fails changes nothing: no session, no account, no row; it is acknowledged as `unreadable(reason)`.
"""

from dataclasses import dataclass

from sayso.phone.core.peers import Peer, keys_differ
from sayso.phone.core.texts import Word
from sayso.phone.errors import PhoneError
from sayso.protocol.certificate import Certificate, check_fresh, check_number, read_certificate
from sayso.protocol.content import Content, Kind, Party, Receipt, SmsNotice, Text, decode_body, decode_content
from sayso.protocol.envelope import Inner
from sayso.protocol.errors import CertificateError, ContentError, NumberError
from sayso.protocol.frames import Unreadable
from sayso.protocol.ids import KeyDigest, same
from sayso.protocol.numbers import PhoneNumber


class UnreadableError(PhoneError):
    """An envelope cannot be used; nothing was changed, and the relay is told why."""

    def __init__(self, message: str, code: Unreadable) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TextCame:
    """Show a text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsCame:
    """Messages of ours were delivered or read."""

    message_ids: tuple[bytes, ...]
    read: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewerKindCame:
    """Keep it, and show that it was sent with a newer Sayso."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeCame:
    """A message of this sender goes, or went, by SMS."""

    notice: SmsNotice


What = TextCame | ReceiptsCame | NoticeCame | NewerKindCame


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Proven:
    """A content whose sender and recipient are proven."""

    content: Content
    certificate: Certificate
    what: What


def check_certificate(
    inner: Inner, *, certificate_key: bytes, server: KeyDigest, now: int, other_key: bytes | None = None
) -> Certificate:
    """Check the sender's certificate, before the ratchet is touched: who cannot prove a number uses up no key.

    Args:
        inner: what the seal held.
        certificate_key: of the statement.
        server: digest of the server's long-term key.
        now: Unix seconds.
        other_key: the statement's other certificate key, while two overlap.

    Raises:
        UnreadableError: forged, expired for good, or about another device than the seal names.
    """
    try:
        certificate = read_certificate(
            inner.certificate, certificate_key=certificate_key, other_key=other_key, server=server
        )
        # The time of sending is known only from inside; until then the kindest one is assumed.
        check_fresh(certificate, sent_at=0, now=now)
    except CertificateError as error:
        raise UnreadableError("the sender's certificate does not hold", Unreadable.CERTIFICATE) from error
    if not same(certificate.token, inner.token) or not same(certificate.device, inner.device):
        raise UnreadableError("the certificate is about another device", Unreadable.CERTIFICATE)
    return certificate


def check_content(plaintext: bytes, *, certificate: Certificate, me: Party, now: int) -> Proven:
    """Check what the ratchet gave.

    Args:
        plaintext: from a session with the certified Curve25519 key.
        certificate: from `check_certificate`.
        me: this line's number, token, device and keys.
        now: Unix seconds.

    Raises:
        UnreadableError: malformed, the sender is not the certified one, or another line was meant.
    """
    try:
        content = decode_content(plaintext)
        body = decode_body(content)
    except ContentError as error:
        raise UnreadableError("the content is malformed", Unreadable.MALFORMED) from error
    _check_sender(content, certificate, now=now)
    if content.recipient != me:
        raise UnreadableError("the content was written to another line", Unreadable.MALFORMED)
    what: What
    match body:
        case Text(text=text):
            what = TextCame(text=text)
        case Receipt(message_ids=ids):
            what = ReceiptsCame(message_ids=tuple(ids), read=content.kind == Kind.READ)
        case SmsNotice() as notice:
            what = NoticeCame(notice=notice)
        case None:
            what = NewerKindCame()
    return Proven(content=content, certificate=certificate, what=what)


def _check_sender(content: Content, certificate: Certificate, *, now: int) -> None:
    sender = content.sender
    claimed = sender.token + sender.device + sender.ed25519 + sender.curve25519
    certified = certificate.token + certificate.device + certificate.ed25519 + certificate.curve25519
    if not same(claimed, certified):
        raise UnreadableError("the sender is not the certified one", Unreadable.CERTIFICATE)
    try:
        check_number(certificate, salt=content.salt, number=PhoneNumber(sender.number))
        check_fresh(certificate, sent_at=content.sent_at_ms // 1000, now=now)
    except (CertificateError, NumberError) as error:
        raise UnreadableError("the certificate does not prove the number", Unreadable.CERTIFICATE) from error


def words_about(peer: Peer, proven: Proven) -> list[Word]:
    """Tell what the owner should be told along with this content.

    Args:
        peer: as known before this content.
        proven: the content.
    """
    certificate = proven.certificate
    changed = keys_differ(peer, certificate.device, certificate.ed25519, certificate.curve25519)
    return [Word.KEY_CHANGED] if changed else []


def wants_receipt(what: What) -> bool:
    """Whether a delivery receipt is due: a receipt never causes a receipt, and a notice is no message."""
    return not isinstance(what, ReceiptsCame | NoticeCame)


def may_be_told(peer: Peer, *, is_contact: bool, is_blocked: bool) -> bool:
    """Whether this peer gets receipts and the grant: contacts, and people the owner has written to; nobody blocked."""
    return (is_contact or peer.written) and not is_blocked
