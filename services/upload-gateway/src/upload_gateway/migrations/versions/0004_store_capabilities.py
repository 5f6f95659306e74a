"""What the store was found to do, by `reprise doctor s3`."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STORE_CAPABILITY = """
CREATE TABLE store_capability (
    endpoint  text        NOT NULL,
    bucket    text        NOT NULL,
    name      text        NOT NULL,
    works     boolean     NOT NULL,
    detail    text        NOT NULL,
    probed_at timestamptz NOT NULL,
    PRIMARY KEY (endpoint, bucket, name)
)
"""


def upgrade() -> None:
    op.execute(STORE_CAPABILITY)
