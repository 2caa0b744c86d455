"""The directory's schema. Every table is a row of design.md §6; nothing else is kept.

Times are the server's running seconds. Ids, tokens, hashes and keys are bytes of a fixed length.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

metadata: Final = MetaData()


def _device() -> Column[bytes]:
    return Column("device", LargeBinary(16), ForeignKey("enrolments.device", ondelete="CASCADE"), primary_key=True)


pending_enrolments: Final = Table(
    "pending_enrolments",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("device", LargeBinary(16), nullable=False, index=True),
    Column("ed25519", LargeBinary(32), nullable=False),
    Column("curve25519", LargeBinary(32), nullable=False),
    Column("identity_signature", LargeBinary(64), nullable=False),
    Column("token", LargeBinary(33), nullable=False, index=True),
    Column("commitment", LargeBinary(32), nullable=False),
    Column("code_hash", LargeBinary(32), nullable=False),
    Column("tries_left", Integer, nullable=False),
    Column("expires", Double, nullable=False, index=True),
    Column("findable", String(8), nullable=False),
    Column("record_id", LargeBinary(16), nullable=False),
    Column("record_sha256", LargeBinary(32), nullable=False),
    Column("policy_sha256", LargeBinary(32), nullable=False),
    # The number's token of the other live epoch, while two overlap.
    Column("other_token", LargeBinary(33), nullable=True),
    Column("result", LargeBinary, nullable=True),
)

enrolments: Final = Table(
    "enrolments",
    metadata,
    Column("device", LargeBinary(16), primary_key=True),
    Column("ed25519", LargeBinary(32), nullable=False),
    Column("curve25519", LargeBinary(32), nullable=False),
    Column("identity_signature", LargeBinary(64), nullable=False),
    Column("token", LargeBinary(33), nullable=False, unique=True),
    Column("commitment", LargeBinary(32), nullable=False),
    Column("grant_hash", LargeBinary(32), nullable=False),
    Column("findable", String(8), nullable=False),
    Column("lease_ends", Double, nullable=False, index=True),
    Column("receipt_sha256", LargeBinary(32), nullable=False),
    Column("policy_sha256", LargeBinary(32), nullable=False),
    Column("enrolled_on", String(10), nullable=False),
    # Of the epoch that ends, while two overlap.
    Column("previous_token", LargeBinary(33), nullable=True, unique=True, index=True),
    # The greatest id of a one-time key ever taken: what is not above it is not taken again.
    Column("highest_key", BigInteger, nullable=False),
    # What the device has claimed of others: a count, never of whom.
    Column("claims_since", Double, nullable=True),
    Column("claims_spent", Integer, nullable=True),
)

one_time_keys: Final = Table(
    "one_time_keys",
    metadata,
    _device(),
    Column("id", BigInteger, primary_key=True),
    Column("key", LargeBinary(32), nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
)

fallback_keys: Final = Table(
    "fallback_keys",
    metadata,
    _device(),
    Column("id", BigInteger, nullable=False),
    Column("key", LargeBinary(32), nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
)

envelope_keys: Final = Table(
    "envelope_keys",
    metadata,
    _device(),
    Column("id", BigInteger, primary_key=True),
    Column("created", BigInteger, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
    # Null for the newest one.
    Column("replaced_at", Double, nullable=True),
)

claim_answers: Final = Table(
    "claim_answers",
    metadata,
    Column("id", LargeBinary(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires", Double, nullable=False, index=True),
)

departed_devices: Final = Table(
    "departed_devices",
    metadata,
    Column("device", LargeBinary(16), primary_key=True),
    Column("ed25519", LargeBinary(32), nullable=False),
    Column("withdrawal_sha256", LargeBinary(32), nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    Column("until", Double, nullable=False, index=True),
)

erasures: Final = Table(
    "erasures",
    metadata,
    Column("device", LargeBinary(16), primary_key=True),
    Column("state", Integer, nullable=False),
)

# The PIN of a line's registration lock. Evaluations that were paid for and not followed by a proof yet are open.
pins: Final = Table(
    "pins",
    metadata,
    _device(),
    # Both null until the first PIN is set.
    Column("salt", LargeBinary(16), nullable=True),
    Column("verifier", LargeBinary(32), nullable=True),
    Column("tries_left", Integer, nullable=False),
    Column("tries_open", Integer, nullable=False),
    Column("own_tries_left", Integer, nullable=False),
    Column("own_tries_open", Integer, nullable=False),
    # Of the PIN that is being set.
    Column("fresh_salt", LargeBinary(16), nullable=True),
)

# Another device that confirmed the code of a line's number, and waits: its id and key, and nothing of the number.
newcomers: Final = Table(
    "newcomers",
    metadata,
    Column("holder", LargeBinary(16), ForeignKey("enrolments.device", ondelete="CASCADE"), primary_key=True),
    Column("device", LargeBinary(16), nullable=False, index=True),
    Column("ed25519", LargeBinary(32), nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False),
)

# The limiter record of design.md §6, for SMS. Keys are keyed hashes: of a country, a block of numbers, a number.
sms_buckets: Final = Table(
    "sms_buckets",
    metadata,
    Column("key", LargeBinary(16), primary_key=True),
    Column("level", Double, nullable=False),
    Column("at", Double, nullable=False),
    Column("per_second", Double, nullable=False),
    Column("shut_until", Double, nullable=False),
    Column("reopens_below", Double, nullable=False),
    # From then on the row says nothing, and is deleted.
    Column("empty_at", Double, nullable=False, index=True),
)

sms_charges: Final = Table(
    "sms_charges",
    metadata,
    Column("enrolment", LargeBinary(16), primary_key=True),
    Column("bucket", LargeBinary(16), primary_key=True),
    # Whether a confirmed code gives the SMS back; else only one that was not sent does.
    Column("unconfirmed", Boolean, nullable=False),
    Column("expires", Double, nullable=False, index=True),
)

# The limiter record of design.md §6, for discovery. The id is a keyed hash of the line's token; no foreign key: it
# outlives the enrolment until the bucket is full again.
discovery_budgets: Final = Table(
    "discovery_budgets",
    metadata,
    Column("id", LargeBinary(32), primary_key=True),
    # From then on the row says nothing, and is deleted.
    Column("full_at", Double, nullable=False, index=True),
    Column("last_batch", LargeBinary(32), nullable=False),
)

set_departures: Final = Table(
    "set_departures",
    metadata,
    _device(),
    # When a line that lapsed leaves the enrolled set: drawn once.
    Column("leaves_at", Double, nullable=False),
)
