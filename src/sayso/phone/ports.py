"""What the phone needs of the world. Adapters turn what their libraries throw into `sayso.phone.errors`."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from msgspec import Struct

from sayso.phone.core.sms.incoming import SmsKind
from sayso.protocol.frames import Frame, ServerFrame
from sayso.protocol.stream import UnknownFrame

ResponseT = TypeVar("ResponseT", bound=Struct)


class Clock(Protocol):
    """Time."""

    def wall(self) -> float:
        """Unix seconds; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow while the process runs."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a fake clock in tests wakes it by hand."""
        ...


class Mark(Protocol):
    """The highest count of key and ratchet changes that may have left the phone; kept where the store is not."""

    def read(self) -> int | None:
        """Return what was noted last; None where there is none, or none that can be read.

        Raises:
            StoreLockedError: nobody can say.
        """
        ...

    def advance(self, moves: int) -> None:
        """Note a higher count; durable when this returns.

        Raises:
            StoreLockedError: it cannot be kept.
        """
        ...


class Random(Protocol):
    """Randomness fit for keys."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""
        ...


class RatchetSession(Protocol):
    """One Olm session with one device. Every call but `session_id` and `matches` changes it: store it before use."""

    @property
    def session_id(self) -> str:
        """The same on both sides."""
        ...

    def encrypt(self, plaintext: bytes) -> tuple[int, bytes]:
        """Encrypt. Returns the Olm message type (0 or 1) and the message."""
        ...

    def decrypt(self, olm_type: int, message: bytes) -> bytes:
        """Decrypt.

        Raises:
            RatchetError: forged, replayed, too far ahead, or of another session; the session is unchanged.
        """
        ...

    def matches(self, message: bytes) -> bool:
        """Whether this pre-key message belongs to this session."""
        ...

    def dump(self) -> bytes:
        """Return the state for the encrypted store."""
        ...


class RatchetAccount(Protocol):
    """One device's Olm account."""

    @property
    def curve25519(self) -> bytes:
        """The identity key, 32 bytes."""
        ...

    def new_one_time_keys(self, count: int) -> list[tuple[int, bytes]]:
        """Make one-time keys: (id, public key of 32 bytes). They count as published: store the account first."""
        ...

    def new_fallback_key(self) -> tuple[int, bytes]:
        """Make a fallback key; the one before it works on until the next rotation."""
        ...

    def open_outbound(self, curve25519: bytes, ratchet_key: bytes) -> RatchetSession:
        """Start a session with a device whose keys were claimed.

        Raises:
            RatchetError: one of the keys is unusable.
        """
        ...

    def open_inbound(self, curve25519: bytes, message: bytes) -> tuple[RatchetSession, bytes]:
        """Start a session from a pre-key message; the one-time key it used is gone from the account afterwards.

        Raises:
            RatchetError: the key is unknown or used, the message forged, or from another identity.
        """
        ...

    def dump(self) -> bytes:
        """Return the state for the encrypted store."""
        ...


class Ratchet(Protocol):
    """The ratchet's engine (Olm through vodozemac; an MLS engine could take its place)."""

    def new_account(self) -> RatchetAccount:
        """Make an account with a fresh identity."""
        ...

    def load_account(self, state: bytes) -> RatchetAccount:
        """Read what `RatchetAccount.dump` gave."""
        ...

    def load_session(self, state: bytes) -> RatchetSession:
        """Read what `RatchetSession.dump` gave."""
        ...


class PublicDocuments(Protocol):
    """What a server gives to everyone alike."""

    async def fetch(self, path: str, *, at_most: int) -> bytes:
        """Fetch a document, on a connection that carries no request of the line's own, saying nothing of who asks.

        Raises:
            UnreachableError: no answer, or one longer than `at_most` bytes.
            ProblemError: the server refused.
            GateClosedError: the line's consent does not cover it (any more).
        """
        ...


class SetCache(Protocol):
    """Keeps builds of the enrolled set: public, and fetched again when they are gone. Each line has its own.

    Raises, everywhere:
        CacheError: the file system refuses.
    """

    def manifest(self, line: bytes) -> tuple[bytes, float] | None:
        """Return the signed manifest, and when it was fetched (Unix seconds)."""
        ...

    def shard(self, line: bytes, sha256: bytes) -> bytes | None:
        """Return a shard; None for one that is not there, or is damaged."""
        ...

    def keep(
        self, line: bytes, document: bytes, shards: Sequence[bytes], *, named: Collection[bytes], at: float
    ) -> None:
        """Keep shards, then the manifest that names them; forget what `named` does not have."""
        ...

    def forget(self, line: bytes) -> None:
        """Forget all of a line's."""
        ...


class ControlPlane(PublicDocuments, Protocol):
    """The server's HTTP side, for one line, through that line's gate."""

    async def statement(self) -> bytes:
        """Fetch the signed statement, unchecked.

        Raises:
            UnreachableError: no answer.
        """
        ...

    async def call(self, path: str, body: Struct, answer: type[ResponseT]) -> ResponseT:
        """Send a signed request; takes a fresh nonce and tries once more when the server says `bad-nonce`.

        Raises:
            ProblemError: the server refused; the problem's type says why.
            UnreachableError: no answer, or one that cannot be read.
            GateClosedError: the line's consent does not cover it (any more).
        """
        ...

    async def sealed_call(self, path: str, body: "NonceBody", answer: type[ResponseT]) -> ResponseT:
        """Like `call`, for a body that needs the nonce which will sign it (the sealed number)."""
        ...

    async def close(self) -> None:
        """Close idle connections."""
        ...


class NonceBody(Protocol):
    """Makes a request body once the nonce is known."""

    def __call__(self, nonce: str) -> Struct:
        """Return the body to sign with `nonce`."""
        ...


class StreamLink(Protocol):
    """An open, logged-in stream."""

    lease_s: int
    """What is left of the lease, from the server's `Ready`."""
    one_time_keys: int
    """How many one-time keys the server has left."""

    def send(self, frames: Sequence[Frame]) -> None:
        """Queue frames; a closed stream swallows them, and `receive` says so."""
        ...

    async def receive(self) -> Sequence[ServerFrame | UnknownFrame]:
        """Wait for the next frames, in order.

        Raises:
            StreamClosedError: the stream ended; its `reason` is the server's, if it gave one.
        """
        ...

    async def close(self) -> None:
        """Close, and wait until it is closed."""
        ...


class StreamConnector(Protocol):
    """Opens streams for one line, through that line's gate."""

    async def connect(self, url: str) -> StreamLink:
        """Connect, exchange hellos and log in.

        Raises:
            UnreachableError: no answer, or not a Sayso stream.
            LoginRefusedError: the server does not know the device (lapsed and erased, withdrawn, replaced).
            GateClosedError: the line's consent does not cover it (any more).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sim:
    """The SIM behind a modem. Its identifiers never leave the phone in any form."""

    present: bool
    locked: bool
    imsi: str
    iccid: str
    number: str | None
    """As the SIM has it; many have none."""
    operator: str
    enabled: bool = True
    """Whether the radio is on: not disabled, no airplane mode. An adapter that cannot know says True."""
    slot: str = ""
    """Where the platform hides IMSI and ICCID: all that tells one SIM from another there (slot, operator's code)."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class IncomingSms:
    """An SMS that lies in the modem's storage until it is deleted."""

    index: int
    """Its place there; another SMS may have it once this one is deleted, or the modem was reset."""
    sender: str
    """E.164, a short code, or letters; empty where the modem does not say."""
    text: str
    """Of an MMS its subject, of data nothing, of an incomplete one the parts that came, with … for the others."""
    sent_at: float
    """Unix seconds by the network's clock, right or wrong; 0 where the modem does not say."""
    kind: SmsKind = SmsKind.TEXT
    stays: bool = False
    """It must not be deleted yet: the modem still waits for parts, and has not given away those that came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsSent:
    """What became of an SMS handed to the modem."""

    ref: int
    state: str
    """`sent`; `delivered`; `failed` (nobody has it); `unknown` (the modem never took it: it may be handed over); or
    `cannot-say` (it was being handed over, and nobody can be asked what became of it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Whether the modem's storage for SMS is full: then the network keeps what comes. Told when it changes."""

    full: bool


ModemEvent = Sim | IncomingSms | SmsSent | Storage


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HandedSms:
    """What an adapter has to remember of an SMS that it gave to its modem."""

    ref: int
    to: str
    place: str
    """Where the modem keeps it, in the adapter's own words; holds no number and no text."""
    state: str
    """`handing` until the modem has answered, then as in `SmsSent`."""
    network_ref: int | None = None
    """The network's reference of it, 0 to 255: what a delivery report names."""
    at: float
    """Unix seconds."""


class HandedBook(Protocol):
    """One line's memory of what its modem was given, for modems that keep no references. Durable at every return."""

    def get(self, ref: int) -> HandedSms | None:
        """Return what is noted under the phone's reference."""
        ...

    def put(self, entry: HandedSms) -> None:
        """Note, new or changed."""
        ...

    def forget(self, ref: int) -> None:
        """Forget: the modem never took it."""
        ...

    def reported(self, network_ref: int, to: str) -> HandedSms | None:
        """Return the newest SMS to this number under this reference that waits for its delivery report."""
        ...


class Modem(Protocol):
    """A modem."""

    def events(self) -> AsyncIterator[ModemEvent]:
        """Yield what happens: the SIM's state first, then all stored SMS, then news. Ends when the modem vanishes.

        Raises:
            ModemGoneError: it cannot be reached.
        """
        ...

    async def send_sms(self, ref: int, to: str, text: str) -> None:
        """Hand over an SMS under the phone's own number for it; the same `ref` again sends nothing again.

        Raises:
            ModemGoneError: the modem vanished; ask with `ask_sent` when it is back.
        """
        ...

    async def ask_sent(self, ref: int) -> None:
        """Ask what became of `ref`; the answer is an `SmsSent` event."""
        ...

    async def delete_sms(self, index: int) -> None:
        """Delete a stored SMS, after its text is durable on the phone.

        Raises:
            ModemGoneError: the modem vanished; it may tell of the SMS again.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateConsent:
    """How the yes to checks for updates stands: a consent of its own, apart from Cloud Messaging."""

    on: bool
    server: str
    """Where releases come from."""
    policy_version: str
    policy_text: str
    """Markdown."""
    policy_sha256: bytes
    """Of the text, 32 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateConnection:
    """One connection of the update channel, from its own journal."""

    at: float
    """Unix seconds."""
    host: str
    port: int
    purpose: str
    sent_bytes: int | None
    """None while it is open, or where the machine died meanwhile."""
    received_bytes: int | None


class UpdateSwitch(Protocol):
    """The yes and the no to checks for updates. Nothing here sends anything."""

    def look(self) -> UpdateConsent:
        """Return how it stands.

        Raises:
            CommandError: the installation cannot be read.
        """
        ...

    def agree(self, *, policy_sha256: bytes, method: str) -> None:
        """Take the yes to the text of that digest, durably.

        Raises:
            CommandError: the text is another one by now, or the yes cannot be written down.
        """
        ...

    def stop(self) -> None:
        """Take the no, durably; without a yes nothing changes.

        Raises:
            CommandError: it cannot be written down.
        """
        ...

    def connections(self) -> list[UpdateConnection]:
        """Return every connection that was ever made to look for updates, oldest first.

        Raises:
            CommandError: the journal cannot be read.
        """
        ...
