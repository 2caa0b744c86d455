"""What the directory holds: pending enrolments, enrolments, what is left of those that left, claim budgets."""

from dataclasses import dataclass
from typing import Final, Literal

from sayso.protocol.frames import OutcomeState
from sayso.protocol.ids import DeviceId, EnrolmentId, GrantHash, Token
from sayso.protocol.keys import DeviceKeys
from sayso.server.core.claim_budget import ClaimBudget

Findable = Literal["everyone", "nobody"]
NO_GRANT: Final = GrantHash(bytes(32))
"""Before a line has set its grant: the hash of nothing that anybody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A number that is being verified. No number, no salt, no code: token, commitment and a keyed hash."""

    id: EnrolmentId
    keys: DeviceKeys
    token: Token
    commitment: bytes
    code_hash: bytes
    tries_left: int
    expires: float
    """Running seconds."""
    findable: Findable
    record_id: bytes
    record_sha256: bytes
    policy_sha256: bytes
    other_token: Token | None = None
    """The number's token of the other live epoch, if two overlap: whoever holds the number is found under either."""
    result: bytes | None = None
    """The answer to the right code, kept until `expires` for a phone that was killed before it stored it."""

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The number's tokens of all live epochs."""
        return (self.token,) if self.other_token is None else (self.token, self.other_token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A line's consent, verified number and device: the row of design.md §6."""

    token: Token
    commitment: bytes
    keys: DeviceKeys
    grant_hash: GrantHash
    findable: Findable
    lease_ends: float
    """Running seconds."""
    receipt_sha256: bytes
    policy_sha256: bytes
    enrolled_on: str
    """Day."""
    previous_token: Token | None = None
    """Of the epoch that ends: the line is reached under it too."""

    @property
    def device(self) -> DeviceId:
        """Whose it is."""
        return DeviceId(self.keys.device)

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens that the line is reached under."""
        return (self.token,) if self.previous_token is None else (self.token, self.previous_token)

    def token_in(self, epoch: int) -> Token:
        """Return the line's token of an epoch; the one it has, where it has none there."""
        return next((token for token in self.tokens if token[0] == epoch), self.token)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedConsent:
    """What an enrolment keeps of the consent in force."""

    findable: Findable
    receipt_sha256: bytes
    policy_sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Departed:
    """A device that withdrew some minutes ago: enough to give a phone that asks twice the same answer."""

    device: DeviceId
    ed25519: bytes
    withdrawal_sha256: bytes
    receipt: bytes
    """The answer's body, JSON."""
    until: float
    """Running seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A device whose mailbox, in another file, has still to be erased (docs/adr/0005)."""

    device: DeviceId
    state: OutcomeState
    """What its senders are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKeys:
    """The keys that the directory holds for others to claim, and what is counted of keys."""

    one_time_keys: int
    fallback_key: bool
    envelope_keys: tuple[int, ...]
    """Newest first."""
    highest_key: int = -1
    """Greatest id of a one-time key that was ever taken."""
    claims: ClaimBudget | None = None
    """What the device has claimed of others' keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """For the operator: how many, never who."""

    pending: int
    enrolments: int
    lapsed: int
    one_time_keys: int
    erasures: int
