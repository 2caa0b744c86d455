"""Other numbers as lines know them, the phone's contacts, and the Olm sessions."""

from dataclasses import dataclass

from sayso.phone.adapters.store.database import Database
from sayso.phone.adapters.store.rows import Table
from sayso.phone.core.peers import Peer
from sayso.phone.core.sessions import Session


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Contact:
    """A name and a number; nothing else is kept, and nothing is asked about it."""

    number: str
    name: str
    line: bytes | None = None
    """The one line that may ask the server for it; None: any."""


class Peers:
    """Peers, contacts, sessions."""

    def __init__(self, database: Database) -> None:
        self._peers = Table(database, "peer", Peer)
        self._contacts = Table(database, "contact", Contact)
        self._sessions = Table(database, "session", Session)

    def get(self, line: bytes, number: str) -> Peer:
        """Return what a line knows of a number; of an unknown one nothing is stored by this."""
        return self.find(line, number) or Peer(line=line, number=number)

    def find(self, line: bytes, number: str) -> Peer | None:
        """Return what a line knows of a number, or None."""
        return self._peers.one("WHERE line = ? AND number = ?", line, number)

    def of_number(self, number: str) -> list[Peer]:
        """Return what all lines know of a number."""
        return self._peers.many("WHERE number = ?", number)

    def put(self, peer: Peer) -> None:
        """Write down a peer, new or changed."""
        self._peers.put(peer)

    def forget_enrolment(self, line: bytes) -> None:
        """Forget sessions, claimed keys and grants of a line that is off; that a peer was in the cloud stays known."""
        self._sessions.delete("WHERE line = ?", line)
        for peer in self._peers.many("WHERE line = ?", line):
            self.put(
                Peer(
                    line=line,
                    number=peer.number,
                    ever_in_cloud=peer.ever_in_cloud,
                    written=peer.written,
                    device=peer.device,
                    ed25519=peer.ed25519,
                    curve25519=peer.curve25519,
                    key_changed=peer.key_changed,
                )
            )

    def contacts(self) -> list[Contact]:
        """Return all contacts by name."""
        return self._contacts.many("ORDER BY name, number")

    def contact(self, number: str) -> Contact | None:
        """Return a contact by its number."""
        return self._contacts.one("WHERE number = ?", number)

    def put_contact(self, contact: Contact) -> None:
        """Write down a contact, new or renamed."""
        self._contacts.put(contact)

    def drop_contact(self, number: str) -> None:
        """Forget a contact; what was written stays, under the number."""
        self._contacts.delete("WHERE number = ?", number)

    def sessions(self, line: bytes, curve25519: bytes) -> list[Session]:
        """Return the sessions with one device of a peer, last used first."""
        return self._sessions.many(
            "WHERE line = ? AND peer_curve25519 = ? ORDER BY used_at DESC, session_id", line, curve25519
        )

    def put_session(self, session: Session) -> None:
        """Write down a session, new or changed."""
        self._sessions.put(session)

    def drop_session(self, session: Session) -> None:
        """Forget a session."""
        self._sessions.delete(
            "WHERE line = ? AND peer_curve25519 = ? AND session_id = ?",
            session.line,
            session.peer_curve25519,
            session.session_id,
        )
