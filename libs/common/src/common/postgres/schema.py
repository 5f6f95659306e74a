"""The tables every service with Postgres has, as frozen DDL for the first migration of each.

A statement here is never edited after the first release: a change is a new constant and a new
migration. The driver takes one statement at a time (`for statement in OUTBOX_V1: op.execute(…)`),
in the service's own schema, which is the only one on the search path.
"""

# One row for each record ever published: rows of facts are kept for ever (the second copy of the
# log), payloads of compacted topics are dropped once published because they hold names (design §3).
# `position` gives the relay its order; an aggregate's rows are in order because they are inserted
# after its row was locked. The second unique constraint catches two facts that claim the same place
# in an aggregate's history.
OUTBOX_V1 = (
    """
CREATE TABLE outbox (
    position        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id        uuid        NOT NULL UNIQUE,
    topic           text        NOT NULL,
    key             text        NOT NULL,
    subject         text        NOT NULL,
    sequence        bigint      NOT NULL,
    type            text        NOT NULL,
    headers         jsonb       NOT NULL,
    payload         bytea,
    payload_dropped boolean     NOT NULL DEFAULT false,
    xid             xid8        NOT NULL DEFAULT pg_current_xact_id(),
    occurred_at     timestamptz NOT NULL,
    appended_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at    timestamptz,
    kafka_partition integer,
    kafka_offset    bigint,
    UNIQUE (topic, key, sequence)
)
""",
    "CREATE INDEX outbox_unpublished ON outbox (position) WHERE published_at IS NULL",
)

# Which events a reactor has seen. Never pruned: the topics are kept for ever and may be read again
# at any time.
INBOX_V1 = (
    """
CREATE TABLE inbox (
    consumer text        NOT NULL,
    event_id uuid        NOT NULL,
    seen_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, event_id)
)
""",
)

# Work longer than a second. `due_at` is when the row may be claimed: the time to run while it
# waits, the end of the lease while it runs; so one index serves both. `attempt` counts claims,
# `failures` those that used up a try.
JOBS_V1 = (
    """
CREATE TABLE job (
    id           uuid        PRIMARY KEY,
    kind         text        NOT NULL,
    subject      uuid        NOT NULL,
    payload      jsonb       NOT NULL,
    state        text        NOT NULL DEFAULT 'waiting'
                 CHECK (state IN ('waiting', 'running', 'done', 'dead', 'cancelled')),
    due_at       timestamptz NOT NULL,
    attempt      integer     NOT NULL DEFAULT 0,
    failures     integer     NOT NULL DEFAULT 0,
    max_attempts integer     NOT NULL,
    lease_token  uuid,
    error        text,
    traceparent  text,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at     timestamptz
)
""",
    "CREATE INDEX job_due ON job (due_at) WHERE state IN ('waiting', 'running')",
    "CREATE INDEX job_subject ON job (subject)",
)
