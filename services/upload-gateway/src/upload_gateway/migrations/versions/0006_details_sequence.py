"""The number of the last record of an upload's name, so that it can be said again."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE upload ADD COLUMN details_sequence integer NOT NULL DEFAULT 0",
    "UPDATE upload SET details_sequence = head.sequence FROM outbox_head AS head"
    " WHERE head.topic = 'media.details.v1' AND head.key = 'upload-gateway/' || upload.asset_id",
    "ALTER TABLE upload ALTER details_sequence DROP DEFAULT",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
