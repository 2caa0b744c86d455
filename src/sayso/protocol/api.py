"""The control plane: paths, bodies and problems (docs/protocol.md, "Control plane").

Bodies are JSON; bytes are base64 (RFC 4648, with padding). Every id travels in a body, never in a URL. Errors are
problem details (RFC 9457).
"""

from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

from sayso.protocol import xwing
from sayso.protocol.ids import Bytes16, Bytes32, Bytes33, exactly, outline
from sayso.protocol.keys import DeviceKeys, EnvelopeKey, RatchetKey
from sayso.protocol.limits import LIMITS
from sayso.protocol.pin import PROOF_BYTES

STATEMENT_PATH: Final = "/.well-known/sayso"
SETS_PATH: Final = "/.well-known/sayso/sets"
"""The manifest of the enrolled set (`protocol.set_manifest`)."""
SET_BLOBS_PATH: Final = "/v1/sets"
"""Followed by ``/`` and the SHA-256 of a shard or a change, in hex: the same address for everybody."""
ENROL_PATH: Final = "/v1/enrolments"
CONFIRM_PATH: Final = "/v1/enrolments/confirm"
TRY_PIN_PATH: Final = "/v1/enrolments/pin"
CANCEL_PATH: Final = "/v1/enrolments/cancel"
KEYS_PATH: Final = "/v1/keys"
CLAIM_PATH: Final = "/v1/keys/claim"
EVALUATE_PATH: Final = "/v1/evaluations"
CERTIFICATE_PATH: Final = "/v1/certificate"
EPOCH_PATH: Final = "/v1/epoch"
GRANT_PATH: Final = "/v1/grant"
PIN_PATH: Final = "/v1/pin"
EVALUATE_PIN_PATH: Final = "/v1/pin/evaluations"
REFUSE_PATH: Final = "/v1/lock/refuse"
DELAY_PATH: Final = "/v1/lock/delay"
CONSENT_PATH: Final = "/v1/consent"
WITHDRAW_PATH: Final = "/v1/withdraw"
ME_PATH: Final = "/v1/me"
STREAM_PATH: Final = "/v1/stream"

REPLAY_NONCE: Final = "Replay-Nonce"
"""Response field with a fresh nonce for the next signed request (RFC 8555, section 6.5)."""

SEALED_NUMBER_BYTES: Final = 32 + 16 + xwing.OVERHEAD
"""Salt (32) ‖ E.164 number, zero-padded to 16, sealed."""

_SealedNumber = Annotated[bytes, exactly(SEALED_NUMBER_BYTES)]
_Element = Bytes32
Code = Annotated[str, Meta(pattern=rf"^[0-9]{{{LIMITS.code_digits}}}\Z")]
Proof = Annotated[bytes, exactly(PROOF_BYTES)]
_EpochByte = Annotated[int, Meta(ge=0, le=255)]


class ProblemType(StrEnum):
    """`type` of a problem, as ``urn:sayso:problem:<value>``."""

    MALFORMED = "malformed"
    BAD_SIGNATURE = "bad-signature"
    BAD_NONCE = "bad-nonce"
    """Take the fresh nonce from this answer and send once more."""
    POLICY = "policy"
    """The policy agreed to is not the server's."""
    EPOCH = "epoch"
    """Of an epoch or a key that the server no longer uses; fetch the statement."""
    CODE = "code"
    """Wrong, expired or used code, or no tries left; the same answer for all of them."""
    LOCKED = "locked"
    """The code was right, and another device is enrolled under this number: its PIN, or wait. `Problem.lock` says more.

    Also said to that device, where it may not change its PIN now.
    """
    PIN = "pin"
    """Wrong PIN, or no tries left; the same answer for both."""
    NOT_ENROLLED = "not-enrolled"
    LIMIT = "limit"
    """Try again after the number of seconds in Retry-After."""
    TOO_LARGE = "too-large"
    NOT_FOUND = "not-found"
    METHOD = "method-not-allowed"
    MEDIA_TYPE = "media-type"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


PROBLEM_PREFIX: Final = "urn:sayso:problem:"


class Lock(Struct, frozen=True):
    """How a newcomer stands before a line's registration lock."""

    wait_s: int
    """Seconds of the server's running time until the number is the newcomer's for a new code."""
    pin_tries: int
    """How many PINs may be tried; 0 also where there is no PIN."""


class Problem(Struct, frozen=True, omit_defaults=True):
    """Problem details."""

    type: str
    title: str
    status: int
    detail: str
    lock: Lock | None = None
    """To `locked` and `pin`, where a newcomer is answered."""


class _Body(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the bodies that clients send: a code, a grant, a sealed number."""

    def __repr__(self) -> str:
        return outline(self)


class Enrol(_Body, frozen=True):
    """Opt-in, step 4 of design.md §5.1. Signed with the key inside `keys`."""

    id: Bytes16
    """Enrolment id: random, drawn by the phone."""
    consent: dict[str, object]
    """The signed consent record (`sayso.consent.records`)."""
    keys: DeviceKeys
    epoch: _EpochByte
    registrar_key_id: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    sealed_number: _SealedNumber
    """`info` = ``sayso/number/1`` ‖ enrolment id ‖ epoch (1) ‖ the nonce that signed this request, ASCII."""


class EnrolPending(Struct, frozen=True):
    """A code is on its way (or not: the answer is the same for every number)."""

    id: Bytes16
    expires_s: int
    code_digits: int


class Confirm(_Body, frozen=True, omit_defaults=True):
    """The code from the SMS. Signed."""

    id: Bytes16
    code: Code
    pin: Proof | None = None
    """To come past the registration lock: the proof of its PIN (`sayso.protocol.pin`)."""


class Enrolled(Struct, frozen=True):
    """Enrolled: both proofs of it."""

    receipt: dict[str, object]
    """The consent receipt (`sayso.consent.receipts`)."""
    certificate: bytes
    lease_s: int


class TryPin(_Body, frozen=True):
    """A newcomer's guess at the PIN of a locked number, blinded. Signed. Costs one of the line's tries."""

    id: Bytes16
    code: Code
    """Right, and not expired: without it nobody learns whether there is a lock."""
    element: _Element


class EvaluatePin(_Body, frozen=True):
    """The enrolled device's own PIN, blinded. Signed. Costs one of its own tries, unless it is `fresh`."""

    element: _Element
    fresh: bool
    """To set a PIN: the server draws another salt, and with it another key, for `SetPin`."""


class PinEvaluated(Struct, frozen=True):
    """A blinded PIN, evaluated under the key of one salt."""

    salt: Bytes16
    key: Bytes32
    """VOPRF public key, which belongs to this salt only."""
    evaluated: bytes
    """Proof (64 bytes) ‖ evaluated element (32)."""


class SetPin(_Body, frozen=True):
    """Set or change the PIN of the line's lock, or remove it. Signed."""

    proof: Proof | None
    """Made under the salt of the last `EvaluatePin` that was `fresh`; null removes the PIN."""


class RefuseNewcomer(_Body, frozen=True):
    """Send a newcomer away: the number is still here, as this code, asked for by this device, shows. Signed."""

    id: Bytes16
    code: Code


class DelayNewcomer(_Body, frozen=True):
    """Let a newcomer wait 30 days longer: time to get a stolen SIM back. Signed. Uses up an `EvaluatePin`."""

    proof: Proof


class LockLeft(Struct, frozen=True):
    """How long the newcomer has to wait from now on; 0: there is none."""

    wait_s: int


class PublishKeys(_Body, frozen=True):
    """Keys for others to use. Signed."""

    one_time: Annotated[list[RatchetKey], Meta(max_length=LIMITS.one_time_keys)] = []
    fallback: RatchetKey | None = None
    envelope: EnvelopeKey | None = None


class KeysLeft(Struct, frozen=True):
    """How many one-time keys the server holds now."""

    one_time_keys: int


class ClaimLine(_Body, frozen=True):
    """One line to claim keys of."""

    token: Bytes33
    grant: Annotated[bytes, Meta(max_length=32)] = b""


class Claim(_Body, frozen=True):
    """Ask for keys to write to lines. Signed. The same `request_id` gets the same answer for ten minutes."""

    request_id: Bytes16
    lines: Annotated[list[ClaimLine], Meta(min_length=1, max_length=LIMITS.claims_per_request)]


class DeviceBundle(Struct, frozen=True):
    """All that is needed to write to one device."""

    keys: DeviceKeys
    ratchet: RatchetKey
    fallback: bool
    """`ratchet` is the fallback key: it was given to others too."""
    envelope: EnvelopeKey


class ClaimedLine(Struct, frozen=True):
    """A line's devices; none for a line that is not enrolled, hidden or lapsed."""

    token: Bytes33
    devices: list[DeviceBundle]


class Claimed(Struct, frozen=True):
    """Answer to a claim, in its order."""

    lines: list[ClaimedLine]


class Evaluate(_Body, frozen=True):
    """Blinded elements to evaluate under the key of `epoch`. Signed."""

    epoch: _EpochByte
    elements: Annotated[list[_Element], Meta(min_length=1, max_length=LIMITS.evaluations_per_request)]


class Evaluated(Struct, frozen=True):
    """One proof (64 bytes) ‖ the evaluated elements (32 bytes each), in order."""

    epoch: _EpochByte
    evaluated: bytes


class Renewed(Struct, frozen=True):
    """A fresh sender certificate."""

    certificate: bytes
    lease_s: int


class MoveEpoch(_Body, frozen=True):
    """The line's number once more, to get its token of the current epoch. Signed. No code is sent."""

    epoch: _EpochByte
    """The current one."""
    registrar_key_id: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    sealed_number: _SealedNumber
    """Under the enrolment's salt; `info` = ``sayso/epoch/1`` ‖ device id ‖ epoch (1) ‖ the request's nonce, ASCII."""


class Moved(Struct, frozen=True):
    """The line is reached under its tokens of both epochs now."""

    certificate: bytes
    """Of the token of the current epoch."""
    lease_s: int


class SetGrant(_Body, frozen=True):
    """Replace the hash of the line's grant. Signed."""

    grant_hash: Bytes32


class Empty(_Body, frozen=True):
    """No parameters."""


class AgreeAnew(_Body, frozen=True):
    """Agree to a policy that has changed. Signed; the same device, line and number, no code."""

    consent: dict[str, object]
    """The signed consent record for the new policy."""


class AgreedAnew(Struct, frozen=True):
    """The new consent is the one in force."""

    receipt: dict[str, object]


class WithdrawConsent(_Body, frozen=True):
    """Opt out. Signed; `withdrawal` is the signed withdrawal (`sayso.consent.records`)."""

    withdrawal: dict[str, object]


class Withdrawn(Struct, frozen=True):
    """Everything is erased."""

    receipt: dict[str, object]


class Holdings(Struct, frozen=True, kw_only=True):
    """All that the server holds of a line (`POST /v1/me`).

    Keys that the phone itself has published and envelopes that wait for it are counted; of the PIN, what is left of its
    tries. tests/unit/server/services/test_lines.py goes through the schema, column by column.
    """

    token: bytes
    commitment: bytes
    device: DeviceKeys
    findable: str
    enrolled_on: str
    """Day."""
    lease_ends_s: int
    """Seconds of the server's running time."""
    receipt_sha256: bytes
    policy_sha256: bytes
    grant_sha256: bytes
    one_time_keys: int
    fallback_key: bool
    envelope_keys: list[int]
    waiting_envelopes: int
    waiting_bytes: int
    highest_key: int = -1
    """Greatest id of a one-time key that was ever taken; -1: none was."""
    claims_since_s: int | None = None
    """When the day began in which claims of others' keys are counted: seconds of the server's running time."""
    claims_spent: int = 0
    """How many lines' keys were claimed since then; never whose."""
    codes_asked: int = 0
    """Codes that this device asked for and that are still good."""
    discovery_full_at_s: int = 0
    """When the line may ask for a full bucket of numbers again, seconds of the server's running time; 0: now."""
    discovery_last_batch: bytes = b""
    """SHA-256 of the last batch of blinded numbers that was paid for."""
    previous_discovery_full_at_s: int = 0
    """The same two under the line's token of the epoch that ends."""
    previous_discovery_last_batch: bytes = b""
    set_leaves_at_s: int = 0
    """When the line leaves the enrolled set because its lease ended, in the same seconds; 0: nothing is drawn."""
    pin_set: bool = False
    pin_tries: int = 0
    """How many are left to newcomers."""
    pin_own_tries: int = 0
    """How many are left to this device."""
    newcomer_since_s: int | None = None
    """Another device waits for this number since then: seconds of the server's running time."""
    newcomer_until_s: int | None = None
    """...and until then."""
    previous_token: bytes = b""
    """The line's token of the epoch that ends, while two overlap."""

    def __repr__(self) -> str:
        return outline(self)


def number_info(enrolment: bytes, epoch: int, nonce: str) -> bytes:
    """Return HPKE's `info` for the sealed number."""
    return b"sayso/number/1" + enrolment + bytes([epoch]) + nonce.encode("ascii")


def epoch_info(device: bytes, epoch: int, nonce: str) -> bytes:
    """Return HPKE's `info` for the number that moves a line to another epoch."""
    return b"sayso/epoch/1" + device + bytes([epoch]) + nonce.encode("ascii")


def number_plaintext(salt: bytes, e164: str) -> bytes:
    """Return what is sealed: the same length for every number."""
    return salt + e164.encode("ascii").ljust(16, b"\0")


def read_number_plaintext(plaintext: bytes) -> tuple[bytes, str]:
    """Split salt and number again; the caller makes a `PhoneNumber` of the text, which checks it."""
    return plaintext[:32], plaintext[32:].rstrip(b"\0").decode("ascii", "replace")
