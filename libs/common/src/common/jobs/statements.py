# ruff: noqa: S608 (every part is a constant of this module; the table's name is the service's own)
"""The SQL of the job table; `{job}` is the table's name, `:now` null means the database's clock."""

NOW = "coalesce(CAST(:now AS timestamptz), clock_timestamp())"
_FENCE = "id = :id AND lease_token = :lease_token AND state = 'running'"

ENQUEUE = f"""
INSERT INTO {{job}} (id, kind, subject, payload, due_at, max_attempts, traceparent)
VALUES (:id, :kind, :subject, CAST(:payload AS jsonb),
        coalesce(CAST(:run_after AS timestamptz), {NOW}), :max_attempts, :traceparent)
ON CONFLICT (id) DO NOTHING
"""

# a running row that is due has lost its worker: that was one of its tries
CLAIM = f"""
UPDATE {{job}} SET state = 'running', attempt = attempt + 1,
    failures = failures + CASE WHEN state = 'running' THEN 1 ELSE 0 END,
    lease_token = gen_random_uuid(), due_at = {NOW} + :lease
WHERE id = (
    SELECT id FROM {{job}}
    WHERE state IN ('waiting', 'running') AND due_at <= {NOW} AND kind = ANY(:kinds)
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, kind, subject, payload, attempt, failures, max_attempts, lease_token, traceparent
"""

HEARTBEAT = f"UPDATE {{job}} SET due_at = {NOW} + :lease WHERE {_FENCE}"

COMPLETE = f"""
UPDATE {{job}} SET state = 'done', lease_token = NULL, error = NULL, ended_at = {NOW} WHERE {_FENCE}
"""

# the exponent is bounded so that the power cannot overflow; half of the delay is jitter
RETRY = f"""
UPDATE {{job}} SET state = 'waiting', lease_token = NULL, error = :error, failures = :failures,
    due_at = {NOW} + least(CAST(:cap AS interval), CAST(:base AS interval)
             * power(2, least(attempt - 1, 20))) * (0.5 + random() / 2)
WHERE {_FENCE}
"""

BURY = f"""
UPDATE {{job}} SET state = 'dead', lease_token = NULL, error = :error, failures = :failures,
    ended_at = {NOW}
WHERE {_FENCE}
"""

RELEASE = f"""
UPDATE {{job}} SET state = 'waiting', lease_token = NULL, attempt = attempt - 1, due_at = {NOW}
WHERE {_FENCE}
"""

REVIVE = f"""
UPDATE {{job}} SET state = 'waiting', attempt = 0, failures = 0, due_at = {NOW}, ended_at = NULL
WHERE id = :id AND state = 'dead'
"""

CANCEL = f"""
UPDATE {{job}} SET state = 'cancelled', lease_token = NULL, ended_at = {NOW}
WHERE subject = :subject AND state IN ('waiting', 'running')
    AND (CAST(:kinds AS text[]) IS NULL OR kind = ANY(:kinds))
"""

COUNTS = """
SELECT state, count(*) FROM {job} WHERE state IN ('waiting', 'running', 'dead') GROUP BY state
"""

QUEUE_AGE = f"""
SELECT coalesce(extract(epoch FROM {NOW} - min(due_at)), 0)::float8 FROM {{job}}
WHERE state = 'waiting' AND due_at <= {NOW}
"""
