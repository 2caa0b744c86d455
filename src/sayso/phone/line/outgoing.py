"""Texts of the owner's: written down, given a channel, moved through their states."""

from dataclasses import replace
from typing import Final

from sayso.phone.core.fallback import Plan, Policy, Then, after_recall, plan
from sayso.phone.core.incoming import may_be_told
from sayso.phone.core.notices import sms_digest
from sayso.phone.core.outbox import Parcel
from sayso.phone.core.outgoing import (
    MAY_DOUBLE,
    MAY_GO_BY_SMS,
    UNDER_WAY,
    BySms,
    Event,
    GiveUp,
    Reason,
    State,
    TakeBack,
    Waits,
    Wish,
)
from sayso.phone.core.peers import InCloud, Peer
from sayso.phone.core.route import Route, Sms, Wait, without_cloud, without_connection
from sayso.phone.core.sms.alphabet import fits_sms, sms_parts
from sayso.phone.core.texts import Channel, Direction, Text, after
from sayso.phone.errors import CommandError
from sayso.phone.line.world import World
from sayso.protocol.content import Kind, Receipt, SmsNotice, encode_body
from sayso.protocol.content import Text as TextBody
from sayso.protocol.errors import NumberError
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber

_REF_BITS: Final = 63
_NOT_IN_CLOUD: Final = frozenset({Reason.ASK, Reason.NEVER_SMS})
OUT_OF_CLOUD: Final = frozenset({State.SMS_SENDING, State.CANCELLED, State.FAILED, State.UNKNOWN})
NO_SUCH: Final = "there is no such message on this line; `sayso phone messages` shows their ids"


def cloud_number(number: str) -> bool:
    """Whether cloud messaging can reach this number at all."""
    try:
        PhoneNumber(number)
    except NumberError:
        return False
    return True


class Outgoing:
    """What goes out from one line."""

    def __init__(self, world: World, line: bytes) -> None:
        self._world = world
        self._line = line

    def write(self, number: str, words: str, *, connected: bool) -> Text:
        """Write down a text and its channel, as far as that can be told now; durable when this returns.

        Args:
            number: E.164, or a short code.
            words: the text.
            connected: whether the line's stream is open.

        Raises:
            ContentError: longer than 48 KiB, or not valid Unicode.
        """
        store = self._world.store
        body = encode_body(TextBody(words))
        text = Text(
            line=self._line,
            number=number,
            message_id=self._world.random.token_bytes(16),
            direction=Direction.OUT,
            channel=Channel.CLOUD,
            kind=Kind.TEXT,
            text=words,
            state=State.QUEUED,
            at=self._world.clock.wall(),
        )
        route = self.route(number, connected=connected)
        with store.transaction("text-written"):
            store.peers.put(replace(store.peers.get(self._line, number), written=True))
            text = store.texts.add(text)
            text = self._take_route(text, route)
            store.texts.put(text)
            if text.state == State.QUEUED and not (isinstance(route, Wait) and route.reason in _NOT_IN_CLOUD):
                store.outbox.add(self._parcel(text, body))
        self._world.news.text_changed(text)
        return text

    def by_sms(self, text: Text, reason: Reason, *, in_doubt: bool = False) -> Text:
        """Move a text to SMS, inside the caller's transaction, and tell the recipient's Sayso where that is due.

        Args:
            text: as it is stored.
            reason: why.
            in_doubt: its owner says so although somebody may have it; without this such a text is left alone.
        """
        if text.state not in (MAY_DOUBLE if in_doubt else MAY_GO_BY_SMS):
            return text
        self._drop_parcel(text)
        moved = self._take_route(text, Sms(reason), in_doubt=in_doubt)
        self._world.store.texts.put(moved)
        if moved.state == State.SMS_SENDING and (moved.doubt or reason is Reason.SERVER_AWAY):
            self._announce(moved)
        return moved

    def owner_chose_sms(self, message_id: bytes, *, in_doubt: bool = False) -> Text:
        """Send a text by SMS because its owner says so; one that the server may have is recalled first.

        Raises:
            CommandError: there is no such text, or it has its outcome, or somebody may have it already.
        """
        text = self._owners(message_id)
        if not fits_sms(text.text):
            raise CommandError("this message is too long for an SMS: take it back, and send a shorter one")
        if text.doubt and text.state in MAY_GO_BY_SMS and not in_doubt:
            raise CommandError("this message may have arrived already, and as an SMS it could come twice; say in doubt")
        with self._world.store.transaction("sms-chosen"):
            if text.state in MAY_GO_BY_SMS:
                moved = self.by_sms(text, Reason.OWNER_DOUBTED if text.doubt else Reason.OWNER_CHOSE)
            elif in_doubt and text.state in MAY_DOUBLE:
                moved = self.by_sms(text, Reason.OWNER_DOUBTED, in_doubt=True)
            else:
                moved = after(text, TakeBack(Wish.OWNER))
                self._world.store.texts.put(moved)
        if moved == text:
            raise CommandError("this message has its outcome: it may have arrived, and as an SMS it could come twice")
        self._world.news.text_changed(moved)
        return moved

    def cancel(self, message_id: bytes) -> Text:
        """Take a text back; one that the server may have is recalled first.

        Raises:
            CommandError: there is no such text, or it has its outcome already.
        """
        text = self._owners(message_id)
        moved = after(text, TakeBack(Wish.CANCEL))
        if moved == text and text.wish != Wish.CANCEL:
            raise CommandError("this message does not wait any more: it cannot be taken back")
        with self._world.store.transaction("taken-back"):
            if moved.state not in UNDER_WAY:
                self._drop_parcel(text)
            self._world.store.texts.put(moved)
        self._world.news.text_changed(moved)
        return moved

    def policy(self, number: str) -> Policy:
        """Return the fallback policy that holds for a conversation."""
        return self._world.store.fallbacks.get(self._line, number)

    def plan(self, text: Text, *, connected: bool) -> Plan | None:
        """Tell what a text waits for."""
        return plan(text, self.policy(text.number), connected=connected)

    def patience_over(self, text: Text, due: Plan) -> Text:
        """Do what is due for a text that has waited long enough; durable when this returns."""
        match due:
            case Plan(then=Then.SMS, why=Reason() as why):
                with self._world.store.transaction("patience-over"):
                    if text.state in MAY_GO_BY_SMS:
                        moved = self.by_sms(text, why)
                    else:
                        moved = after(text, TakeBack(Wish.POLICY))
                        self._world.store.texts.put(moved)
            case Plan(then=Then.ASK, why=Reason() as why):
                with self._world.store.transaction("owner-asked"):
                    moved = after(text, Waits(why))
                    self._world.store.texts.put(moved)
            case _:
                with self._world.store.transaction("given-up"):
                    self._drop_parcel(text)
                    moved = after(text, GiveUp())
                    self._world.store.texts.put(moved)
        self._world.news.text_changed(moved)
        return moved

    def take_up_again(self, *, only_in_cloud: bool = False) -> None:
        """Put queued texts without a parcel back on their way: their peer may be in the cloud again.

        Args:
            only_in_cloud: only those whose peer has just shown that it is: what comes in must not cause a lookup.
        """
        store = self._world.store
        left = [
            text
            for text in store.texts.queued(self._line)
            if store.outbox.of_message(self._line, text.number, text.message_id) is None
            and not (only_in_cloud and store.peers.get(self._line, text.number).in_cloud is not InCloud.YES)
        ]
        if left:
            with store.transaction("taken-up-again"):
                for text in left:
                    store.outbox.add(self._parcel(text, encode_body(TextBody(text.text))))

    def gather_receipts(self) -> None:
        """Turn receipts that are due, and may be sent, into parcels: one under way for each conversation and kind."""
        store = self._world.store
        for number, kind in store.outbox.receipts_due(self._line):
            peer = store.peers.get(self._line, number)
            is_contact = store.peers.contact(number) is not None
            if not may_be_told(peer, is_contact=is_contact, is_blocked=store.regard.is_blocked(number)):
                continue
            if store.outbox.is_sending(self._line, number, kind):
                continue
            with store.transaction("receipts-gathered"):
                ids = store.outbox.take_receipts(self._line, number, kind, LIMITS.unacknowledged_envelopes)
                store.outbox.add(self._receipt_parcel(number, kind, ids))

    def nobody_there(self, peer: Peer, route: Route) -> list[Text]:
        """Give up the cloud for all that waits for a peer who is not in it; `route` says what becomes of texts.

        One that somebody may have all the same waits for its owner.
        """
        store = self._world.store
        changed: list[Text] = []
        with store.transaction("not-in-cloud"):
            store.outbox.drop_receipts(self._line, peer.number)
            for parcel in store.outbox.ready(self._line, peer.number):
                text = store.texts.outgoing(self._line, peer.number, parcel.message_id)
                store.outbox.drop(parcel.id)
                if text is not None and parcel.kind == Kind.TEXT:
                    doubted = text.doubt and isinstance(route, Sms)
                    text = self._take_route(text, Wait(Reason.ASK) if doubted else route)
                    store.texts.put(text)
                    changed.append(text)
        for text in changed:
            self._world.news.text_changed(text)
        return changed

    def move(self, parcel: Parcel, event: Event | None) -> Text | None:
        """Move the text that a parcel carries, if it carries one, inside the caller's transaction.

        One that was recalled, and that nobody has, goes on here as its owner or the policy wishes. In a state of
        `OUT_OF_CLOUD` it needs its parcel no more.
        """
        if event is None or parcel.kind != Kind.TEXT:
            return None
        text = self._world.store.texts.outgoing(self._line, parcel.number, parcel.message_id)
        if text is None:
            return None
        moved = after(text, event, resends=parcel.resends)
        if moved == text:
            return None
        if moved.state == State.QUEUED and moved.wish:
            why = after_recall(moved, self.policy(moved.number))
            moved = replace(moved, wish=Wish.NONE)
            if why is not None:
                return self.by_sms(moved, why)
        self._world.store.texts.put(moved)
        return moved

    def _owners(self, message_id: bytes) -> Text:
        text = self._world.store.texts.by_message_id(message_id)
        if text is None or text.line != self._line:
            raise CommandError(NO_SUCH)
        return text

    def _drop_parcel(self, text: Text) -> None:
        parcel = self._world.store.outbox.of_message(text.line, text.number, text.message_id)
        if parcel is not None:
            self._world.store.outbox.drop(parcel.id)

    def _announce(self, text: Text) -> None:
        """Tell the recipient's Sayso, by cloud when that can be, that this message goes by SMS."""
        if self._world.store.peers.get(self._line, text.number).in_cloud is not InCloud.YES:
            return
        notice = SmsNotice(text.message_id, sms_digest(text.text), sms_parts(text.text) or 1)
        self._world.store.outbox.add(
            Parcel(
                line=self._line,
                number=text.number,
                kind=Kind.SMS_NOTICE,
                message_id=self._world.random.token_bytes(16),
                body=encode_body(notice),
            )
        )

    def route(self, number: str, *, connected: bool) -> Route | None:
        """Tell by which way a text would go, as far as that can be told without the server; None: by cloud."""
        line = self._world.store.lines.get(self._line)
        peer = self._world.store.peers.find(self._line, number)
        route = without_cloud(
            line.state,
            cloud_number=cloud_number(number),
            own_number=number == line.number,
            peer=peer,
            policy=self.policy(number),
        )
        if route is None and not connected:
            return without_connection(peer)
        return route

    def _take_route(self, text: Text, route: Route | None, *, in_doubt: bool = False) -> Text:
        match route:
            case Sms(reason=reason) if not fits_sms(text.text):
                moved = after(text, BySms(reason, in_doubt=in_doubt))
                return replace(moved, state=State.FAILED, reason=Reason.TOO_LONG)
            case Sms(reason=reason):
                return replace(after(text, BySms(reason, in_doubt=in_doubt)), sms_ref=self._ref(), sms_sim=None)
            case Wait(reason=reason):
                return after(text, Waits(reason))
            case _:
                return text

    def _ref(self) -> int:
        return int.from_bytes(self._world.random.token_bytes(8), "big") >> (64 - _REF_BITS)

    def _parcel(self, text: Text, body: bytes) -> Parcel:
        return Parcel(
            line=self._line,
            number=text.number,
            kind=Kind.TEXT,
            message_id=text.message_id,
            body=body,
            counter=text.counter,
        )

    def _receipt_parcel(self, number: str, kind: int, message_ids: list[bytes]) -> Parcel:
        return Parcel(
            line=self._line,
            number=number,
            kind=kind,
            message_id=self._world.random.token_bytes(16),
            body=encode_body(Receipt(message_ids)),
        )
