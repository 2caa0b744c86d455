"""What the server needs of the world. Adapters turn what their libraries throw into `sayso.server.errors`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sayso.protocol.frames import Ask, OutcomeState, Recall
from sayso.protocol.ids import DeviceId, EnrolmentId, HandleHash
from sayso.protocol.numbers import PhoneNumber
from sayso.server.core.lines import Line
from sayso.server.core.model import Batch, Held, StoredOutcome
from sayso.server.core.relay.entries import Sender
from sayso.server.core.relay.mailbox import Mailbox
from sayso.server.core.retiring import Retiring
from sayso.server.core.sms_budget import BucketCharge, Decision


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

        The caller answers as if it had been taken, whatever happens (design.md §5.1: one answer for all).

        Raises:
            SmsNotTakenError: it was surely not taken, and costs nothing.
            SmsError: nobody knows whether it was.
        """
        ...


class SmsReports(Protocol):
    """Hears what became of SMS."""

    def reported(self, *, delivered: bool) -> None:
        """An SMS that was taken has reached its phone, or never will. Said once of each, if at all."""
        ...


class SmsBudgetStore(Protocol):
    """What has been spent on SMS. Atomic, durable when it returns; whoever gets an error from it sends nothing.

    Raises, everywhere:
        StoreError: the storage failed.
    """

    async def spend(
        self, enrolment: EnrolmentId, charges: Sequence[BucketCharge], *, now: float, expires: float
    ) -> Decision:
        """Take an SMS out of all the buckets or out of none, and remember until `expires` what it was for."""
        ...

    async def give_back(self, enrolment: EnrolmentId, *, confirmed: bool, now: float) -> None:
        """Put an enrolment's SMS back, once, and forget what it was for.

        Args:
            enrolment: unknown, expired and settled ones change nothing.
            confirmed: its code was confirmed: only the buckets of unconfirmed codes get it back. Otherwise it was
                surely not sent: all of them do.
            now: running seconds.
        """
        ...

    async def forget_spent(self, *, now: float) -> None:
        """Delete empty buckets and what has expired."""
        ...


class CodeDispatch(Protocol):
    """Sends codes within the budget, and learns which ones were confirmed."""

    async def send(self, enrolment: EnrolmentId, number: PhoneNumber, text: str) -> None:
        """Send a code, if the budget allows it.

        Raises:
            ServerError: it was not sent, or nobody knows.
        """
        ...

    async def confirmed(self, enrolment: EnrolmentId) -> None:
        """The code came back: it reached a person. Does not fail."""
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
    pins: bytes = field(repr=False)
    """Key, 32 bytes, of the keys that PINs are evaluated under: without it there is nothing to try guesses against."""
    retiring: list[Retiring] = field(default_factory=list)
    """Keys that were replaced and overlap with the ones above: one of each kind at most."""


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


class SecretsFile(Protocol):
    """Where the secrets are changed."""

    def rewrite(self, secrets: ServerSecrets) -> None:
        """Replace the secrets, durably; what held the old ones is overwritten.

        Raises:
            KeyringError: it could not be written; the old ones are still there.
        """
        ...


class DepositDesk(Protocol):
    """Takes what connections bring: the relay, or a way to others for what is for mailboxes that lie elsewhere."""

    def take(self, mailbox: Mailbox, sender: Sender, frames: list[Any], start: int, *, now: float) -> int:
        """Take the deposits and acknowledgements at the head of `frames[start:]`; see `Relay.take`."""
        ...

    def recall(self, sender: Sender, frame: Recall, *, now: float) -> None:
        """Take an envelope back."""
        ...

    def ask(self, sender: Sender, frame: Ask, *, now: float) -> None:
        """Say what became of an envelope."""
        ...

    def left(self, sender: Sender) -> None:
        """Note that a connection is closed."""
        ...


class DeviceAdmission(Protocol):
    """Lets devices log in where not every process knows every line."""

    def look_up(self, device: DeviceId, then: Callable[[Line | None], None]) -> None:
        """Read a line, then do something with it."""
        ...

    def admit(self, device: DeviceId, then: Callable[[], None]) -> None:
        """Hold a device's mailbox here, then do something at once."""
        ...


class RelayControl(Protocol):
    """What the control plane tells the relay, after its own change is durable."""

    def line_changed(self, line: Line) -> None:
        """A line was enrolled, or its keys, grant or lease changed."""
        ...

    async def end_custody(self, device: DeviceId, state: OutcomeState) -> None:
        """A device's enrolment is over: close its stream, erase its mailbox, tell the senders. Idempotent."""
        ...

    async def holdings(self, device: DeviceId) -> tuple[int, int]:
        """Return how many envelopes wait for a device, and their bytes."""
        ...
