"""Uploads whose length is said later, and the most that each may have."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE upload ALTER length DROP NOT NULL",
    "ALTER TABLE upload ADD COLUMN max_length bigint",
    "UPDATE upload SET max_length = length",
    "ALTER TABLE upload ALTER max_length SET NOT NULL",
    'ALTER TABLE upload ADD CHECK ("offset" <= max_length AND length <= max_length)',
    "ALTER TABLE upload ADD CHECK (length IS NOT NULL"
    " OR state IN ('created', 'receiving', 'aborted', 'expired'))",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
