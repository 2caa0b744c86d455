"""What the server needs of the world. Adapters turn what their libraries throw into `sayso.server.errors`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, HandleHash
from sayso.protocol.numbers import PhoneNumber
from sayso.server.core.model import Batch, Held, Line, StoredOutcome


class Clock(Protocol):
    """Time. Wall clock for display and expiry across restarts, monotonic for limits."""

    def wall(self) -> float:
        """Unix seconds; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow while the process runs."""
        ...


class Random(Protocol):
    """Randomness fit for keys."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""
        ...


class MailboxStore(Protocol):
    """Mailboxes, doubts and outcomes. One relay uses it; its calls may come from one event loop only."""

    async def load(self) -> Held:
        """Read what is held, once, at start."""
        ...

    async def commit(self, batch: Batch) -> None:
        """Make a batch durable, all or nothing. Durable against power loss when it returns.

        One call at a time; what comes meanwhile is collected by the caller: that is the group commit.

        Raises:
            NoSpaceError: nothing was stored; the store goes on.
            StoreError: it is not known what was stored; the store takes nothing more until it is opened anew.
        """
        ...

    async def window(self, device: DeviceId, seqs: Sequence[int]) -> list[tuple[int, bytes]]:
        """Read envelopes of one device by their seqs, in order.

        Envelopes that cannot be opened (a damaged page, a flipped bit) are left out; the caller sees which.
        """
        ...

    async def outcome(self, handle_hash: HandleHash) -> StoredOutcome | None:
        """Look up what became of an envelope."""
        ...


class HourKeys(Protocol):
    """Turns the key that wraps each waiting envelope's own key (design.md §6)."""

    async def turn(self, generation: int) -> None:
        """Ratchet forward to `generation`, re-wrap the few wraps still needed, destroy what came before, in place."""
        ...


class CodeSender(Protocol):
    """Sends a code by SMS."""

    async def send(self, number: PhoneNumber, text: str) -> None:
        """Hand an SMS to the operator.

        Raises:
            ServerError: it was not taken; the caller answers as if it had been (design.md §5.1: one answer for all).
        """
        ...


@dataclass(slots=True, kw_only=True)
class ServerSecrets:
    """What a keyring holds; never in the database or its backups."""

    long_term: bytes = field(repr=False)
    """Ed25519 seed, 32 bytes: signs the statement."""
    certificate: bytes = field(repr=False)
    """Ed25519 seed, 32 bytes: signs sender certificates."""
    receipt: bytes = field(repr=False)
    """Ed25519 seed, 32 bytes: signs receipts."""
    registrar_id: int
    registrar: bytes = field(repr=False)
    """X-Wing private key, 96 bytes: opens sealed numbers."""
    epoch: int
    voprf: bytes = field(repr=False)
    """VOPRF seed of the epoch, 32 bytes."""
    codes: bytes = field(repr=False)
    """HMAC key, 32 bytes: codes are stored under it, so a stolen database gives none of them away."""


@dataclass(slots=True, kw_only=True, frozen=True)
class HourState:
    """Where the hour-key ratchet stands."""

    generation: int
    state: bytes = field(repr=False)
    """32 bytes; the next state is derived from it, never the other way."""


class Keyring(Protocol):
    """The server's secrets."""

    def secrets(self) -> ServerSecrets:
        """Return the secrets; made at first use."""
        ...

    def hour_states(self) -> list[HourState]:
        """Return the hour states held, oldest first: one, or two while a turn is under way."""
        ...

    def add_hour_state(self, state: HourState) -> None:
        """Keep a further state beside the present one, durably."""
        ...

    def destroy_hour_states_before(self, generation: int) -> None:
        """Overwrite older states where they lie, durably."""
        ...


class RelayControl(Protocol):
    """What the control plane tells the relay, after its own change is durable."""

    def line_changed(self, line: Line) -> None:
        """A line was enrolled, or its keys, grant or lease changed."""
        ...

    async def end_custody(self, device: DeviceId, state: OutcomeState) -> None:
        """A device's enrolment is over: close its stream, erase its mailbox, tell the senders. Idempotent."""
        ...

    def holdings(self, device: DeviceId) -> tuple[int, int]:
        """Return how many envelopes wait for a device, and their bytes."""
        ...
