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

# The outbox in monthly partitions (ADR 10), so that old months can be archived or moved to slower
# disks without a scan of the living. Unpublished rows have an index of their own in each partition:
# finding them is a probe per month, however many published rows there are.
# Uniqueness reaches across months through `outbox_head`, one row per key: it makes the sequence of
# a key grow with every append, and lets a second writer of the key wait for the first before it
# takes a position. `outbox_default` takes rows of a month that nobody made, so that no commit
# fails; `outbox_add_month` makes the month and moves them. It may only lock out writers when the
# month could be written now; attaching one of the future hinders nobody.
OUTBOX_V2 = (
    "ALTER TABLE outbox RENAME TO outbox_unpartitioned",
    "DROP INDEX outbox_unpublished",
    "CREATE SEQUENCE outbox_position",
    """
CREATE TABLE outbox (
    position        bigint      NOT NULL DEFAULT nextval('outbox_position'),
    month           date        NOT NULL
                    DEFAULT date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')::date,
    event_id        uuid        NOT NULL,
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
    PRIMARY KEY (position, month),
    UNIQUE (event_id, month),
    CHECK (extract(day FROM month) = 1)
) PARTITION BY LIST (month)
""",
    "ALTER SEQUENCE outbox_position OWNED BY outbox.position",
    "CREATE INDEX outbox_unpublished ON outbox (position) WHERE published_at IS NULL",
    "CREATE TABLE outbox_default PARTITION OF outbox DEFAULT",
    """
CREATE TABLE outbox_head (
    topic    text   NOT NULL,
    key      text   NOT NULL,
    sequence bigint NOT NULL,
    previous bigint,
    PRIMARY KEY (topic, key),
    CONSTRAINT outbox_sequence_grows CHECK (sequence > previous)
) WITH (fillfactor = 80)
""",
    """
CREATE FUNCTION outbox_add_month(first date) RETURNS boolean LANGUAGE plpgsql AS $body$
DECLARE
    part  text := to_char(first, '"outbox_"YYYY"_"MM');
    today date := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('outbox_add_month.' || current_schema(), 0));
    IF to_regclass(part) IS NOT NULL THEN
        RETURN false;
    END IF;
    IF first <= today OR EXISTS (SELECT FROM outbox_default d WHERE d.month = first) THEN
        LOCK TABLE outbox IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    EXECUTE format(
        'CREATE TABLE %I (LIKE outbox INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)'
        ' WITH (autovacuum_vacuum_scale_factor = 0.02)', part);
    EXECUTE format(
        'WITH moved AS (DELETE FROM outbox_default WHERE month = %L RETURNING *)'
        ' INSERT INTO %I SELECT * FROM moved', first, part);
    EXECUTE format('ALTER TABLE outbox ATTACH PARTITION %I FOR VALUES IN (%L)', part, first);
    RETURN true;
END
$body$
""",
    """
SELECT outbox_add_month(made.month) FROM (
    SELECT DISTINCT date_trunc('month', appended_at AT TIME ZONE 'UTC')::date AS month
    FROM outbox_unpartitioned
    UNION
    SELECT (date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + ahead)::date
    FROM unnest(ARRAY['0 months', '1 month', '2 months']::interval[]) AS ahead
) AS made
""",
    """
INSERT INTO outbox
SELECT position, date_trunc('month', appended_at AT TIME ZONE 'UTC')::date, event_id, topic, key,
    subject, sequence, type, headers, payload, payload_dropped, xid, occurred_at, appended_at,
    published_at, kafka_partition, kafka_offset
FROM outbox_unpartitioned ORDER BY position
""",
    """
INSERT INTO outbox_head (topic, key, sequence)
SELECT topic, key, max(sequence) FROM outbox_unpartitioned GROUP BY topic, key
""",
    """
SELECT setval('outbox_position', greatest(max(position), 0) + 1, false)
FROM outbox_unpartitioned
""",
    "DROP TABLE outbox_unpartitioned",
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

# Records a consumer could not take yet, and those redriven to it: one row per event and group.
# Later events of a parked key are parked behind it and drained in the order of (sequence, id), so
# that an order-sensitive handler never sees a key's history out of order (events.md 4.3). Headers
# are kept byte for byte as [[name, base64], …], `kafka_timestamp` in milliseconds as Kafka has it.
# `attempts` counts all tries, also those before it was parked. A key is tried when `run_after` of
# any of its rows has come. Rows of a discarded record go; the audit stays.
# `fuse` is one row per group that was ever paused; `paused_at` NULL is running. `dead_letter` keeps
# what an operator decided about a dead letter: the topic itself cannot be edited. `digest` names
# the record by its origin and id, not by its place among the dead letters, because offsets start
# again after a lost Kafka. A decision covers the copies kept up to `kept_at`, Kafka's time of the
# newest then: a redriven record that fails again is undecided again.
CONSUMERS_V1 = (
    """
CREATE TABLE parked (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer    text        NOT NULL,
    topic       text        NOT NULL,
    key         text        NOT NULL,
    sequence    bigint      NOT NULL,
    event_id    uuid        NOT NULL,
    type        text        NOT NULL,
    record_key  bytea,
    headers     jsonb       NOT NULL,
    value       bytea,
    kafka_partition integer NOT NULL,
    kafka_offset    bigint  NOT NULL,
    kafka_timestamp bigint  NOT NULL,
    origin      text        NOT NULL DEFAULT 'topic' CHECK (origin IN ('topic', 'dead_letter')),
    reason      text        NOT NULL,
    detail      text        NOT NULL DEFAULT '',
    attempts    integer     NOT NULL DEFAULT 0,
    run_after   timestamptz NOT NULL DEFAULT clock_timestamp(),
    parked_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (consumer, event_id)
)
""",
    "CREATE INDEX parked_key ON parked (consumer, key, sequence, id)",
    "CREATE INDEX parked_due ON parked (consumer, run_after)",
    """
CREATE TABLE fuse (
    consumer   text        PRIMARY KEY,
    paused_at  timestamptz,
    reason     text,
    resumed_at timestamptz
)
""",
    """
CREATE TABLE dead_letter (
    consumer   text        NOT NULL,
    digest     text        NOT NULL,
    decision   text        NOT NULL CHECK (decision IN ('redriven', 'discarded')),
    reason     text        NOT NULL DEFAULT '',
    redrives   integer     NOT NULL DEFAULT 0,
    kept_at    timestamptz NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, digest)
)
""",
)

# Who changed what by command, and what came of it; never pruned. Holds no payloads and no names.
AUDIT_V1 = (
    """
CREATE TABLE operator_action (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    operator   text        NOT NULL,
    command    text        NOT NULL,
    parameters jsonb       NOT NULL,
    outcome    jsonb       NOT NULL
)
""",
)
