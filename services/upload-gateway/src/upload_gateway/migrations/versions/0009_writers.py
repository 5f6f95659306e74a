"""Who writes to which upload, so that a request on one process can end one on another."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Not logged: after a crash of the database every writer has lost its connection anyway, and says
# with its next beat, or its next commit, where it stands.
WRITER = """
CREATE UNLOGGED TABLE writer (
    upload_id  uuid        PRIMARY KEY,
    generation integer     NOT NULL,
    seen_at    timestamptz NOT NULL,
    asked      boolean     NOT NULL
)
"""


def upgrade() -> None:
    op.execute(WRITER)
