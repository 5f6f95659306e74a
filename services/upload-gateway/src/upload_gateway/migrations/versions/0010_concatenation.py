"""Partial uploads, and the final ones that consist of them."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE upload ADD COLUMN concat text NOT NULL DEFAULT ''",
    "ALTER TABLE upload ADD COLUMN partials uuid[] NOT NULL DEFAULT '{}'",
    "ALTER TABLE upload ADD COLUMN final_id uuid",
    # a whole partial waits for its final upload, or for its end
    "CREATE INDEX upload_waiting ON upload (expires_at)"
    " WHERE concat = 'partial' AND state = 'verifying'",
    "CREATE INDEX upload_waiting_of_user ON upload (user_id)"
    " WHERE concat = 'partial' AND state = 'verifying'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
