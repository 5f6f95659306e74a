"""An upload may be rejected for its first bytes before anybody said how long it is."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE upload DROP CONSTRAINT upload_check4",
    "ALTER TABLE upload ADD CONSTRAINT upload_length_known CHECK (length IS NOT NULL"
    " OR state IN ('created', 'receiving', 'rejected', 'aborted', 'expired'))",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
