"""Uploads past the gateway: their way in, the URLs they were given, when to clear up once more."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    ALTER TABLE upload
        ADD COLUMN mode text NOT NULL DEFAULT 'tus'
            CHECK (mode IN ('tus', 'form', 'put', 'multipart')),
        ADD COLUMN parent text,
        ADD COLUMN signed_urls integer NOT NULL DEFAULT 0,
        ADD COLUMN signed_until timestamptz,
        ADD COLUMN clear_at timestamptz
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
