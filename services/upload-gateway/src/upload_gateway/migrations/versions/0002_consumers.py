"""Parked records, fuses, decisions on dead letters, and the audit of operators' commands."""

from alembic import op

from common.postgres.schema import AUDIT_V1, CONSUMERS_V1

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (*CONSUMERS_V1, *AUDIT_V1):
        op.execute(statement)
