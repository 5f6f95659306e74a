"""What owners are told of their uploads, and what became of the assets."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

STATEMENTS = (
    # `last` is counted under the row's lock, which ends with the commit: the numbers of one person
    # become visible in their order, so a reader that goes on from the last one misses nothing
    "CREATE TABLE upload_stream (user_id uuid PRIMARY KEY, last bigint NOT NULL)",
    """
    CREATE TABLE upload_event (
        user_id      uuid        NOT NULL,
        number       bigint      NOT NULL,
        upload_id    uuid        NOT NULL REFERENCES upload,
        asset_id     uuid        NOT NULL,
        at           timestamptz NOT NULL,
        kept_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
        about        text        NOT NULL CHECK (about IN ('upload', 'asset')),
        state        text        NOT NULL,
        reason       text,
        bytes        bigint,
        total        bigint,
        duplicate_of uuid,
        rendition    text,
        planned      integer,
        ready        integer,
        failed       integer,
        PRIMARY KEY (user_id, number)
    )
    """,
    "CREATE INDEX upload_event_of_upload ON upload_event (upload_id, number)",
    "CREATE INDEX upload_event_kept ON upload_event (kept_at)",
    """
    CREATE TABLE journey (
        asset_id   uuid  PRIMARY KEY,
        upload_id  uuid  NOT NULL REFERENCES upload,
        user_id    uuid  NOT NULL,
        state      text  NOT NULL CHECK (state IN ('registered', 'processing', 'ready', 'failed',
                         'deleted', 'purged')),
        reason     text,
        run        uuid,
        renditions jsonb NOT NULL,
        ready_at   timestamptz,
        heard      jsonb NOT NULL
    )
    """,
    """
    CREATE INDEX journey_unfinished_of_user ON journey (user_id, asset_id DESC)
    WHERE state IN ('registered', 'processing')
    """,
    """
    CREATE INDEX upload_unfinished_of_user ON upload (user_id, asset_id DESC)
    WHERE state IN ('created', 'receiving', 'verifying')
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
