"""What has been spent on SMS."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "sms_buckets",
        sa.Column("key", sa.LargeBinary(16), primary_key=True),
        sa.Column("level", sa.Double, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("per_second", sa.Double, nullable=False),
        sa.Column("shut_until", sa.Double, nullable=False),
        sa.Column("reopens_below", sa.Double, nullable=False),
        sa.Column("empty_at", sa.Double, nullable=False, index=True),
    )
    op.create_table(
        "sms_charges",
        sa.Column("enrolment", sa.LargeBinary(16), primary_key=True),
        sa.Column("bucket", sa.LargeBinary(16), primary_key=True),
        sa.Column("unconfirmed", sa.Boolean, nullable=False),
        sa.Column("expires", sa.Double, nullable=False, index=True),
    )


def downgrade() -> None:
    """Refuse: going back would forget what has been spent, and let it be spent again."""
    raise NotImplementedError("restore a backup of the directory instead")
