"""What a file says of itself, kept so that it can be told again; it goes when the asset does."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE processing ADD COLUMN details jsonb")
