"""Slots of uploads that move, paces of people, and what counts for a quota."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Not logged: written with each request, and worth nothing after a crash of the database, when
# requests that still run take their slots again.
STATEMENTS = (
    "CREATE UNLOGGED TABLE upload_lease (upload_id uuid PRIMARY KEY, until timestamptz NOT NULL)",
    """
    CREATE UNLOGGED TABLE upload_pace (
        user_id uuid             PRIMARY KEY,
        tokens  double precision NOT NULL,
        at      timestamptz      NOT NULL
    )
    """,
    "ALTER TABLE upload ADD COLUMN purged boolean NOT NULL DEFAULT false",
    "CREATE INDEX upload_open_of_user ON upload (user_id) WHERE state IN ('created', 'receiving')",
    """
    CREATE INDEX upload_kept_of_user ON upload (user_id) INCLUDE (size, length)
    WHERE state IN ('verifying', 'stored', 'withdrawn') AND NOT purged
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
