"""What a line is given: the store, the ports, and a way to make the ports that need a consent."""

from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sayso.consent.ports import Journal
from sayso.consent.records import VerifiedConsent
from sayso.phone.adapters.store import Store
from sayso.phone.core.texts import Text
from sayso.phone.ports import Clock, ControlPlane, Random, Ratchet, SetCache, StreamConnector
from sayso.protocol.ids import DeviceId
from sayso.protocol.statement import Policy


class Shuttable(Protocol):
    """What a line needs of its gate."""

    def shut(self) -> None:
        """Shut for good, and reset what is open."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The ways to one server that one consent opens."""

    gate: Shuttable
    control: ControlPlane
    stream: StreamConnector


class OpenReach(Protocol):
    """Makes a gate from a consent, and the two clients that go through it. Nothing is sent by that."""

    def __call__(
        self, consent: VerifiedConsent, *, device: DeviceId, key: Ed25519PrivateKey, journal: Journal
    ) -> Reach:
        """Make them; the only way in Sayso's phone to anything that can reach a server."""
        ...


class News(Protocol):
    """Hears what changed, for the owner's eyes. Called after the change is durable; returns at once."""

    def line_changed(self, line: bytes) -> None:
        """A line's state, connection, SIM or trouble changed."""
        ...

    def text_changed(self, text: Text) -> None:
        """A row of a thread is there, or changed."""
        ...


class Harden(Protocol):
    """Makes the proof of a PIN (`protocol.pin.prove`), without holding up the phone."""

    async def __call__(self, output: bytes, salt: bytes) -> bytes:
        """Return the proof for an evaluated PIN."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that lines share."""

    store: Store
    clock: Clock
    random: Random
    ratchet: Ratchet
    sets: SetCache
    open_reach: OpenReach
    news: News
    policy: Policy
    """The policy in this package, which the owner is shown and agrees to."""
    harden: Harden
