"""The ledger of every object, the orders to delete some of them, and the plumbing of every service."""

from alembic import op

from common.postgres.schema import JOBS_V1, OUTBOX_V1

revision = "0001"
down_revision = None

# One row per asset: the lock that puts its declarations and purges in order, and the last sequence of its facts.
ASSET = """
CREATE TABLE asset (
    asset_id      uuid        PRIMARY KEY,
    sequence      bigint      NOT NULL DEFAULT 0,
    dead_since    timestamptz,
    dead_reason   text,
    dead_event_id uuid,
    dead_source   text,
    CHECK ((dead_since IS NULL) = (dead_event_id IS NULL))
)
"""

# Never deleted from: a purged row is the proof, and keeps a late declaration from reviving its key.
STORED_OBJECT = """
CREATE TABLE stored_object (
    key               text        COLLATE "C" PRIMARY KEY,
    asset_id          uuid        NOT NULL REFERENCES asset,
    state             text        NOT NULL CHECK (state IN ('living', 'condemned', 'purged')),
    declared_by       text,
    declared_event_id uuid,
    first_seen        timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason            text,
    cause_event_id    uuid,
    ordered_by        text,
    condemned_at      timestamptz,
    purged_at         timestamptz,
    CHECK (state = 'living' OR (condemned_at IS NOT NULL AND cause_event_id IS NOT NULL AND reason IS NOT NULL)),
    CHECK ((state = 'purged') = (purged_at IS NOT NULL))
)
"""

# `id` is derived from the fact's own id: the row is also the memory that the fact was seen.
PURGE = """
CREATE TABLE purge (
    id             uuid        PRIMARY KEY,
    asset_id       uuid        NOT NULL REFERENCES asset,
    upload_id      uuid,
    scope          text        NOT NULL CHECK (scope IN ('asset', 'objects', 'upload')),
    reason         text        NOT NULL,
    keys           text[]      NOT NULL,
    cause_event_id uuid        NOT NULL UNIQUE,
    cause_type     text        NOT NULL,
    cause_source   text        NOT NULL,
    correlation_id text,
    traceparent    text,
    ordered_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at    timestamptz,
    failures       integer     NOT NULL DEFAULT 0,
    last_error     text
)
"""

INDEXES = (
    "CREATE INDEX stored_object_asset ON stored_object (asset_id, key)",
    "CREATE INDEX purge_newest ON purge (ordered_at DESC, id DESC)",
)


def upgrade() -> None:
    for statement in (*OUTBOX_V1, *JOBS_V1, ASSET, STORED_OBJECT, PURGE, *INDEXES):
        op.execute(statement)
