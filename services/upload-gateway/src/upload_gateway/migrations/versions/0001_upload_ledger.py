"""The upload ledger: uploads, their parts and staged segments, the outbox and the jobs."""

from alembic import op

from common.postgres.schema import JOBS_V1, OUTBOX_V1

revision = "0001"
down_revision = None

# `offset` is what is committed; `generation` the fence of whoever writes; `sequence` counts the facts told of the
# asset. Rows stay: an ended upload answers 410, and the list shows what became of each.
UPLOAD = """
CREATE TABLE upload (
    id            uuid        PRIMARY KEY,
    asset_id      uuid        NOT NULL UNIQUE,
    user_id       uuid        NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('audio', 'image', 'video', 'avatar')),
    key           text        NOT NULL UNIQUE,
    length        bigint      NOT NULL CHECK (length >= 0),
    part_size     integer     NOT NULL CHECK (part_size > 0),
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    file_name     text,
    declared_type text,
    metadata      text        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('created', 'receiving', 'verifying', 'stored', 'rejected',
                              'aborted', 'expired', 'duplicate', 'withdrawn')),
    "offset"      bigint      NOT NULL CHECK ("offset" BETWEEN 0 AND length),
    generation    integer     NOT NULL,
    sequence      integer     NOT NULL,
    multipart_id  text,
    sha256        text,
    size          bigint,
    etag          text,
    content_type  text,
    reason        text,
    duplicate_of  uuid,
    stored_at     timestamptz,
    ended_at      timestamptz,
    cleared       boolean     NOT NULL,
    CHECK (state <> 'stored' OR (sha256 IS NOT NULL AND size = length AND etag IS NOT NULL)),
    CHECK (state <> 'rejected' OR reason IS NOT NULL)
)
"""
INDEXES = (
    "CREATE INDEX upload_of_user ON upload (user_id, asset_id DESC)",
    "CREATE INDEX upload_running ON upload (expires_at) WHERE state IN ('created', 'receiving')",
    "CREATE INDEX upload_uncleared ON upload (ended_at) WHERE NOT cleared AND ended_at IS NOT NULL",
)
# a part counts when its row is here; Complete uses these ETags and nothing the store lists
PART = """
CREATE TABLE part (
    upload_id uuid    NOT NULL REFERENCES upload,
    number    integer NOT NULL CHECK (number BETWEEN 1 AND 10000),
    etag      text    NOT NULL,
    size      bigint  NOT NULL CHECK (size > 0),
    PRIMARY KEY (upload_id, number)
)
"""
SEGMENT = """
CREATE TABLE segment (
    upload_id uuid   NOT NULL REFERENCES upload,
    start     bigint NOT NULL CHECK (start >= 0),
    size      bigint NOT NULL CHECK (size > 0),
    key       text   NOT NULL UNIQUE,
    PRIMARY KEY (upload_id, start)
)
"""


def upgrade() -> None:
    for statement in (UPLOAD, *INDEXES, PART, SEGMENT, *OUTBOX_V1, *JOBS_V1):
        op.execute(statement)
