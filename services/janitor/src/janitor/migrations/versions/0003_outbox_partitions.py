"""The outbox in monthly partitions; what it holds moves along."""

from alembic import op

from common.postgres.schema import OUTBOX_V2

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in OUTBOX_V2:
        op.execute(statement)
