"""Texts of the owner's: written down, given a channel, moved through their states."""

from dataclasses import replace
from typing import Final

from sayso.phone.core.incoming import may_be_told
from sayso.phone.core.lines import Line
from sayso.phone.core.outbox import Parcel
from sayso.phone.core.outgoing import MAY_GO_BY_SMS, BySms, Event, Reason, State, Waits
from sayso.phone.core.peers import InCloud, Peer
from sayso.phone.core.route import SMS_CHARS, Route, Sms, Wait, without_cloud, without_connection
from sayso.phone.core.texts import Channel, Direction, Text, after
from sayso.phone.errors import CommandError
from sayso.phone.line.world import World
from sayso.protocol.content import Kind, Receipt, encode_body
from sayso.protocol.content import Text as TextBody
from sayso.protocol.errors import NumberError
from sayso.protocol.limits import LIMITS
from sayso.protocol.numbers import PhoneNumber

_REF_BITS: Final = 63


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
        line = store.lines.get(self._line)
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
        route = self._route(line, number, connected=connected)
        with store.transaction("text-written"):
            store.peers.put(replace(store.peers.get(self._line, number), written=True))
            text = store.texts.add(text)
            text = self._take_route(text, route)
            store.texts.put(text)
            if text.state == State.QUEUED and not (isinstance(route, Wait) and route.reason is Reason.ASK):
                store.outbox.add(self._parcel(text, body))
        self._world.news.text_changed(text)
        return text

    def by_sms(self, text: Text, reason: Reason) -> Text:
        """Move a text to SMS, inside the caller's transaction. One that somebody may have already is left alone."""
        if text.state not in MAY_GO_BY_SMS:
            return text
        parcel = self._world.store.outbox.of_message(text.line, text.number, text.message_id)
        if parcel is not None:
            self._world.store.outbox.drop(parcel.id)
        moved = self._take_route(text, Sms(reason))
        self._world.store.texts.put(moved)
        return moved

    def owner_chose_sms(self, message_id: bytes) -> Text:
        """Send a text by SMS because its owner says so.

        Raises:
            CommandError: there is no such text, or somebody may have it already.
        """
        text = self._world.store.texts.by_message_id(message_id)
        if text is None or text.line != self._line:
            raise CommandError("there is no such message on this line; `sayso phone messages` shows their ids")
        if text.state not in MAY_GO_BY_SMS:
            raise CommandError("this message may have arrived already; as an SMS it could come twice")
        with self._world.store.transaction("sms-chosen"):
            text = self.by_sms(text, Reason.OWNER_CHOSE)
        self._world.news.text_changed(text)
        return text

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
        """Give up the cloud for all that waits for a peer who is not in it; `route` says what becomes of texts."""
        store = self._world.store
        changed: list[Text] = []
        with store.transaction("not-in-cloud"):
            store.outbox.drop_receipts(self._line, peer.number)
            for parcel in store.outbox.ready(self._line, peer.number):
                text = store.texts.outgoing(self._line, peer.number, parcel.message_id)
                store.outbox.drop(parcel.id)
                if text is not None and parcel.kind == Kind.TEXT:
                    text = self._take_route(text, route)
                    store.texts.put(text)
                    changed.append(text)
        for text in changed:
            self._world.news.text_changed(text)
        return changed

    def move(self, parcel: Parcel, event: Event | None) -> Text | None:
        """Move the text that a parcel carries, if it carries one, inside the caller's transaction."""
        if event is None or parcel.kind != Kind.TEXT:
            return None
        text = self._world.store.texts.outgoing(self._line, parcel.number, parcel.message_id)
        if text is None:
            return None
        moved = after(text, event, resends=parcel.resends)
        if moved == text:
            return None
        self._world.store.texts.put(moved)
        return moved

    def _route(self, line: Line, number: str, *, connected: bool) -> Route | None:
        peer = self._world.store.peers.find(self._line, number)
        route = without_cloud(
            line.state, cloud_number=cloud_number(number), own_number=number == line.number, peer=peer
        )
        if route is None and not connected:
            return without_connection(peer)
        return route

    def _take_route(self, text: Text, route: Route | None) -> Text:
        match route:
            case Sms(reason=reason) if len(text.text) > SMS_CHARS:
                return replace(after(text, BySms(reason)), state=State.FAILED, reason=Reason.TOO_LONG)
            case Sms(reason=reason):
                return replace(after(text, BySms(reason)), sms_ref=self._ref(), sms_sim=None)
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
