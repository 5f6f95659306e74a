"""Presigned lines are asked of the public endpoint: what it was found to do is kept of it alone."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

STATEMENTS = (
    # of rows from before nobody knows it: nothing is offered by them until the store is asked again
    "ALTER TABLE store_capability ADD COLUMN public_endpoint text NOT NULL DEFAULT ''",
    "ALTER TABLE store_capability ALTER COLUMN public_endpoint DROP DEFAULT",
    "ALTER TABLE store_capability DROP CONSTRAINT store_capability_pkey",
    "ALTER TABLE store_capability ADD PRIMARY KEY (endpoint, public_endpoint, bucket, name)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
