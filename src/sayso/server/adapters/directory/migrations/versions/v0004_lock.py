"""The registration lock: PINs, and devices that wait for a number."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "pins",
        sa.Column(
            "device",
            sa.LargeBinary(16),
            sa.ForeignKey("enrolments.device", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("salt", sa.LargeBinary(16), nullable=True),
        sa.Column("verifier", sa.LargeBinary(32), nullable=True),
        sa.Column("tries_left", sa.Integer, nullable=False),
        sa.Column("tries_open", sa.Integer, nullable=False),
        sa.Column("own_tries_left", sa.Integer, nullable=False),
        sa.Column("own_tries_open", sa.Integer, nullable=False),
        sa.Column("fresh_salt", sa.LargeBinary(16), nullable=True),
    )
    op.create_table(
        "newcomers",
        sa.Column(
            "holder",
            sa.LargeBinary(16),
            sa.ForeignKey("enrolments.device", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("device", sa.LargeBinary(16), nullable=False, index=True),
        sa.Column("ed25519", sa.LargeBinary(32), nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )


def downgrade() -> None:
    """Refuse: going back would open every lock."""
    raise NotImplementedError("restore a backup of the directory instead")
