"""Where names of ended uploads are found once they are old, and uploads that wait for an operator."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE INDEX upload_named_at_its_end ON upload (ended_at)
    WHERE state IN ('rejected', 'aborted', 'expired') AND (file_name IS NOT NULL OR metadata <> '')
    """,
    """
    CREATE INDEX upload_stranded ON upload (asset_id)
    WHERE state = 'verifying' AND reason IS NOT NULL
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
