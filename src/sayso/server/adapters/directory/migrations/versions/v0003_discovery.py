"""What lines have spent on discovery, and when those that lapsed leave the enrolled set."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "discovery_budgets",
        sa.Column("id", sa.LargeBinary(32), primary_key=True),
        sa.Column("full_at", sa.Double, nullable=False, index=True),
        sa.Column("last_batch", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "set_departures",
        sa.Column(
            "device", sa.LargeBinary(16), sa.ForeignKey("enrolments.device", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("leaves_at", sa.Double, nullable=False),
    )


def downgrade() -> None:
    """Refuse: going back would forget what has been spent, and let it be spent again."""
    raise NotImplementedError("restore a backup of the directory instead")
