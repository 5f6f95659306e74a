"""The processing of each asset, the jobs, the inbox and the outbox."""

from alembic import op

from common.postgres.schema import INBOX_V1, JOBS_V1, OUTBOX_V1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# One row for each asset, never deleted: it holds the last sequence of the asset's facts and of its
# details record. `info` are measures of the original; no name that the file carries is kept here.
PROCESSING = """
CREATE TABLE processing (
    asset_id         uuid        PRIMARY KEY,
    run              uuid        NOT NULL,
    state            text        NOT NULL
                     CHECK (state IN ('probing', 'running', 'stopped', 'ended', 'gone')),
    kind             text        NOT NULL,
    key              text        NOT NULL,
    size             bigint      NOT NULL CHECK (size >= 0),
    sha256           text        NOT NULL,
    content_type     text        NOT NULL,
    info             jsonb,
    steps            jsonb       NOT NULL,
    stops            integer     NOT NULL,
    sequence         bigint      NOT NULL CHECK (sequence >= 0),
    details_sequence bigint      NOT NULL CHECK (details_sequence >= 0),
    cause            jsonb       NOT NULL,
    requested_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""


def upgrade() -> None:
    for statement in (PROCESSING, *INBOX_V1, *JOBS_V1, *OUTBOX_V1):
        op.execute(statement)
