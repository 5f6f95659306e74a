"""The asset row, its renditions, the library, names, and the outbox."""

from alembic import op

from common.postgres.schema import OUTBOX_V1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# `facts` and `records` number what was written last, `applied` what was read last: the outbox can be reseeded and
# the log read again without an id or a sequence changing its meaning. Rows are never deleted.
ASSET = """
CREATE TABLE asset (
    asset_id         uuid        PRIMARY KEY,
    user_id          uuid        NOT NULL,
    upload_id        uuid        NOT NULL,
    kind             text        NOT NULL,
    key              text        NOT NULL,
    state            text        NOT NULL CHECK (state IN (
                         'uploading', 'stored', 'processing', 'ready', 'failed',
                         'deleted', 'purging', 'purged', 'abandoned')),
    reason           text,
    state_before     text        CHECK (state_before IN ('stored', 'processing', 'ready', 'failed')),
    duplicate_of     uuid        REFERENCES asset,
    size             bigint      CHECK (size >= 0),
    sha256           text,
    etag             text,
    content_type     text,
    media            jsonb,
    run              integer     NOT NULL,
    planned          boolean     NOT NULL,
    visibility       text        NOT NULL,
    original_policy  text        NOT NULL,
    generation       integer     NOT NULL CHECK (generation >= 1),
    created_at       timestamptz NOT NULL,
    stored_at        timestamptz,
    ready_at         timestamptz,
    deleted_at       timestamptz,
    restorable_until timestamptz,
    applied          jsonb       NOT NULL,
    facts            bigint      NOT NULL,
    records          bigint      NOT NULL,
    version          bigint      NOT NULL,
    CONSTRAINT asset_reason CHECK (
        reason IS NOT NULL OR state NOT IN ('failed', 'purging', 'purged', 'abandoned')),
    CONSTRAINT asset_stored CHECK (
        sha256 IS NOT NULL OR state IN ('uploading', 'abandoned')),
    CONSTRAINT asset_deleted CHECK (
        state <> 'deleted' OR (restorable_until IS NOT NULL AND state_before IS NOT NULL))
)
"""

RENDITION = """
CREATE TABLE rendition (
    asset_id     uuid        NOT NULL REFERENCES asset,
    run          uuid        NOT NULL,
    name         text        NOT NULL,
    profile      text        NOT NULL,
    required     boolean     NOT NULL,
    state        text        NOT NULL CHECK (state IN ('planned', 'ready', 'failed', 'condemned')),
    reason       text,
    key          text        UNIQUE,
    size         bigint      CHECK (size >= 0),
    sha256       text,
    etag         text,
    content_type text,
    media        jsonb,
    ready_at     timestamptz,
    PRIMARY KEY (asset_id, run, name),
    CONSTRAINT rendition_output CHECK (key IS NOT NULL OR state NOT IN ('ready', 'condemned')),
    CONSTRAINT rendition_reason CHECK (reason IS NOT NULL OR state <> 'failed')
)
"""

# One row per owner and digest while an asset with these bytes lives: whoever inserts first stands, all others learn
# who does. A table of its own, because a row that exists since the upload began cannot be INSERT … ON CONFLICTed.
LIBRARY = """
CREATE TABLE library (
    user_id  uuid NOT NULL,
    sha256   text NOT NULL,
    asset_id uuid NOT NULL UNIQUE REFERENCES asset,
    PRIMARY KEY (user_id, sha256)
)
"""

NAMES = """
CREATE TABLE names (
    asset_id    uuid        NOT NULL,
    source      text        NOT NULL,
    sequence    bigint      NOT NULL,
    file_name   text,
    metadata    jsonb       NOT NULL,
    tags        jsonb       NOT NULL,
    cue         text,
    captured_at timestamptz,
    PRIMARY KEY (asset_id, source)
)
"""

# The first proves what the library decides. The others keep lists flat in depth, and the sweep off the living.
INDEXES = (
    "CREATE UNIQUE INDEX asset_living_digest ON asset (user_id, sha256)"
    " WHERE state IN ('stored', 'processing', 'ready', 'failed')",
    "CREATE INDEX asset_listed ON asset (user_id, asset_id DESC)"
    " WHERE state IN ('uploading', 'stored', 'processing', 'ready', 'failed')",
    "CREATE INDEX asset_of_owner ON asset (user_id, asset_id DESC)",
    "CREATE INDEX asset_by_state ON asset (state, asset_id DESC)",
    "CREATE INDEX asset_grace ON asset (restorable_until) WHERE state = 'deleted'",
)

TABLES = ("names", "library", "rendition", "asset", "outbox")


def upgrade() -> None:
    for statement in (ASSET, RENDITION, LIBRARY, NAMES, *INDEXES, *OUTBOX_V1):
        op.execute(statement)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
