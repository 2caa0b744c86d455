"""Two epochs side by side: a line's token of the one that ends."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("enrolments", sa.Column("previous_token", sa.LargeBinary(33), nullable=True))
    op.create_index("ix_enrolments_previous_token", "enrolments", ["previous_token"], unique=True)
    op.add_column("pending_enrolments", sa.Column("other_token", sa.LargeBinary(33), nullable=True))


def downgrade() -> None:
    """Refuse: lines would be reached under half of their tokens."""
    raise NotImplementedError("restore a backup of the directory instead")
