"""What the acknowledged bytes of each part were, so that one that was replaced is told from them."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # null: a part from before, of which nothing is known
    op.execute("ALTER TABLE part ADD COLUMN crc32c bigint CHECK (crc32c BETWEEN 0 AND 4294967295)")
