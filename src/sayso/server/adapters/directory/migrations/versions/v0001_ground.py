"""The directory's first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _device(*, cascade: bool) -> sa.Column[bytes]:
    key = [sa.ForeignKey("enrolments.device", ondelete="CASCADE")] if cascade else []
    return sa.Column("device", sa.LargeBinary(16), *key, primary_key=True)


def _keys() -> list[sa.Column[bytes]]:
    return [
        sa.Column("ed25519", sa.LargeBinary(32), nullable=False),
        sa.Column("curve25519", sa.LargeBinary(32), nullable=False),
        sa.Column("identity_signature", sa.LargeBinary(64), nullable=False),
    ]


def _ratchet_key() -> list[sa.Column[bytes]]:
    return [
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
    ]


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "pending_enrolments",
        sa.Column("id", sa.LargeBinary(16), primary_key=True),
        sa.Column("device", sa.LargeBinary(16), nullable=False, index=True),
        *_keys(),
        sa.Column("token", sa.LargeBinary(33), nullable=False, index=True),
        sa.Column("commitment", sa.LargeBinary(32), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("tries_left", sa.Integer, nullable=False),
        sa.Column("expires", sa.Double, nullable=False, index=True),
        sa.Column("findable", sa.String(8), nullable=False),
        sa.Column("record_id", sa.LargeBinary(16), nullable=False),
        sa.Column("record_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("policy_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("result", sa.LargeBinary, nullable=True),
    )
    op.create_table(
        "enrolments",
        _device(cascade=False),
        *_keys(),
        sa.Column("token", sa.LargeBinary(33), nullable=False, unique=True),
        sa.Column("commitment", sa.LargeBinary(32), nullable=False),
        sa.Column("grant_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("findable", sa.String(8), nullable=False),
        sa.Column("lease_ends", sa.Double, nullable=False, index=True),
        sa.Column("receipt_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("policy_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("enrolled_on", sa.String(10), nullable=False),
        sa.Column("highest_key", sa.BigInteger, nullable=False),
        sa.Column("claims_since", sa.Double, nullable=True),
        sa.Column("claims_spent", sa.Integer, nullable=True),
    )
    op.create_table(
        "one_time_keys",
        _device(cascade=True),
        sa.Column("id", sa.BigInteger, primary_key=True),
        *_ratchet_key(),
    )
    op.create_table(
        "fallback_keys",
        _device(cascade=True),
        sa.Column("id", sa.BigInteger, nullable=False),
        *_ratchet_key(),
    )
    op.create_table(
        "envelope_keys",
        _device(cascade=True),
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.Column("replaced_at", sa.Double, nullable=True),
    )
    op.create_table(
        "claim_answers",
        sa.Column("id", sa.LargeBinary(32), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("expires", sa.Double, nullable=False, index=True),
    )
    op.create_table(
        "departed_devices",
        _device(cascade=False),
        sa.Column("ed25519", sa.LargeBinary(32), nullable=False),
        sa.Column("withdrawal_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("receipt", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.Double, nullable=False, index=True),
    )
    op.create_table(
        "erasures",
        _device(cascade=False),
        sa.Column("state", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Refuse: going back would drop the enrolments."""
    raise NotImplementedError("restore a backup of the directory instead")
