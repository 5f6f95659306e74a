"""The sha256 that a client declares of the whole file."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE upload ADD COLUMN declared_sha256 text")
