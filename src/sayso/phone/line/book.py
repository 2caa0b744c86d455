"""The owner's threads and people: deleting, blocking, comparing keys. None of it asks anybody anything.

Blocking changes the line's grant (design.md §3): whoever held the old one is from then on as a stranger to the server,
and learns neither that the phone is on nor that a text was received.
"""

from dataclasses import replace

from sayso.phone.adapters.store import Store
from sayso.phone.adapters.store.conversations import Conversation
from sayso.phone.core.outgoing import State
from sayso.phone.core.safety import Side, safety_number
from sayso.phone.core.texts import Text
from sayso.phone.errors import CommandError
from sayso.phone.ports import Clock, Random

NO_SUCH_MESSAGE = "there is no such message; it may have been deleted meanwhile"


class Book:
    """Threads and people of one phone."""

    def __init__(self, store: Store, clock: Clock, random: Random) -> None:
        self._store = store
        self._clock = clock
        self._random = random

    def begin(self, line: bytes, number: str) -> Conversation:
        """Return the thread of a line with a number; an empty one, if there is none yet."""
        with self._store.transaction("thread-begun"):
            return self._store.conversations.begin(line, number)

    def delete_thread(self, line: bytes, number: str) -> None:
        """Forget a thread on this phone. What has not left yet does not leave any more.

        Raises:
            CommandError: there is none.
        """
        conversation = self._store.conversations.of(line, number)
        if conversation is None:
            raise CommandError("there is no such conversation; it may have been deleted meanwhile")
        with self._store.transaction("thread-deleted"):
            for text in self._store.texts.queued(line):
                if text.number == number:
                    self._hold_back(text)
            self._store.conversations.drop(conversation)

    def delete_message(self, text_id: int) -> Text:
        """Forget one row of a thread on this phone; returns it as it was.

        Raises:
            CommandError: there is none.
        """
        text = self._store.texts.get(text_id)
        if text is None:
            raise CommandError(NO_SUCH_MESSAGE)
        with self._store.transaction("text-deleted"):
            if text.state == State.QUEUED:
                self._hold_back(text)
            self._store.texts.drop(text.id)
        return text

    def block(self, number: str) -> None:
        """Block a number on all lines, and change their grants, so that it is a stranger to the server again."""
        with self._store.transaction("blocked"):
            self._store.regard.block(number, at=self._clock.wall())
            for line in self._store.lines.all():
                device = self._store.lines.device(line.id)
                if device is not None and self._store.peers.find(line.id, number) is not None:
                    grant = self._random.token_bytes(len(device.grant))
                    self._store.lines.put_device(replace(device, grant=grant, grant_set=False))

    def unblock(self, number: str) -> None:
        """Take a block back."""
        with self._store.transaction("unblocked"):
            self._store.regard.unblock(number)

    def safety(self, line: bytes, number: str) -> tuple[str, ...] | None:
        """Return the safety number of a line with a person; None as long as keys of both are not known."""
        own, device, peer = (
            self._store.lines.get(line),
            self._store.lines.device(line),
            self._store.peers.find(line, number),
        )
        if device is None or own.number is None or peer is None:
            return None
        if peer.device is None or peer.ed25519 is None or peer.curve25519 is None:
            return None
        return safety_number(
            Side(number=own.number, device=device.device, ed25519=device.ed25519, curve25519=device.curve25519),
            Side(number=number, device=peer.device, ed25519=peer.ed25519, curve25519=peer.curve25519),
        )

    def is_compared(self, line: bytes, number: str) -> bool:
        """Whether the owner compared just this safety number."""
        digits = self.safety(line, number)
        return digits is not None and self._store.regard.compared(line, number) == "".join(digits)

    def note_compared(self, line: bytes, number: str, *, same: bool) -> None:
        """Note that the owner compared the safety number; a key change is then no news any more.

        Raises:
            CommandError: there is nothing to compare yet.
        """
        digits = self.safety(line, number)
        if digits is None:
            raise CommandError("there is nothing to compare yet: send a text by cloud first")
        with self._store.transaction("compared"):
            now = self._clock.wall()
            self._store.regard.note_compared(line, number, "".join(digits) if same else None, at=now)
            if same:
                self._store.peers.put(replace(self._store.peers.get(line, number), key_changed=False))

    def forget_contact(self, number: str) -> None:
        """Take a name out of the address book."""
        with self._store.transaction("contact-forgotten"):
            self._store.peers.drop_contact(number)

    def prefer(self, name: str, value: str) -> None:
        """Keep one of the owner's preferences."""
        with self._store.transaction("preference"):
            self._store.preferences.put(name, value)

    def _hold_back(self, text: Text) -> None:
        parcel = self._store.outbox.of_message(text.line, text.number, text.message_id)
        if parcel is not None:
            self._store.outbox.drop(parcel.id)
