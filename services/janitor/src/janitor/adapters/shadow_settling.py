"""What follows from all facts together: who is dead, what is condemned, which order is done."""

from sqlalchemy import text

from common.postgres.engine import WriteSession

# the orders say who is dead and what is condemned; each statement can run again and again
_SETTLE = (
    """
UPDATE rebuilt_asset SET dead_since = ended.ordered_at, dead_reason = ended.reason,
    dead_event_id = ended.cause_event_id, dead_source = ended.cause_source
FROM (SELECT DISTINCT ON (asset_id) asset_id, ordered_at, reason, cause_event_id, cause_source
      FROM rebuilt_purge WHERE scope <> 'objects' ORDER BY asset_id, ordered_at, id) AS ended
WHERE rebuilt_asset.asset_id = ended.asset_id AND rebuilt_asset.dead_since IS NULL
""",
    """
INSERT INTO rebuilt_stored_object
    (key, asset_id, state, reason, cause_event_id, ordered_by, first_seen, condemned_at)
SELECT DISTINCT ON (key) key, asset_id, 'condemned', reason, cause_event_id, cause_source,
    ordered_at, ordered_at
FROM rebuilt_purge CROSS JOIN unnest(keys) AS named (key)
WHERE NOT EXISTS (SELECT FROM rebuilt_stored_object AS known
                  WHERE known.key = named.key AND known.state <> 'living')
ORDER BY key, ordered_at, id
ON CONFLICT (key) DO UPDATE SET state = 'condemned', reason = excluded.reason,
    cause_event_id = excluded.cause_event_id, ordered_by = excluded.ordered_by,
    condemned_at = excluded.condemned_at
WHERE rebuilt_stored_object.state = 'living'
""",
    """
UPDATE rebuilt_stored_object SET state = 'condemned', reason = dead_reason,
    cause_event_id = dead_event_id, ordered_by = dead_source, condemned_at = dead_since
FROM rebuilt_asset
WHERE rebuilt_asset.asset_id = rebuilt_stored_object.asset_id AND dead_since IS NOT NULL
  AND state = 'living'
""",
    """
UPDATE rebuilt_stored_object SET ordered_by = rebuilt_purge.cause_source,
    condemned_at = least(condemned_at, rebuilt_purge.ordered_at)
FROM rebuilt_purge
WHERE state = 'purged' AND ordered_by IS NULL
  AND rebuilt_purge.cause_event_id = rebuilt_stored_object.cause_event_id
""",
    """
UPDATE rebuilt_purge SET finished_at = rebuilt_closed.at
FROM rebuilt_closed
WHERE rebuilt_closed.cause_event_id = rebuilt_purge.cause_event_id AND finished_at IS NULL
""",
    # an order that ends no asset says no last fact: it is done when nothing it names is left
    """
UPDATE rebuilt_purge SET finished_at = ordered_at
WHERE scope <> 'asset' AND finished_at IS NULL AND NOT EXISTS (
    SELECT FROM unnest(keys) AS named (key)
    LEFT JOIN rebuilt_stored_object AS object ON object.key = named.key AND object.state = 'purged'
    WHERE object.key IS NULL)
""",
)

# what only the live tables know goes along, and nothing ever moves to the left of
# living, condemned, purged; what an order says comes from the log alone
_INHERIT = (
    """
INSERT INTO rebuilt_asset AS mine
SELECT live.* FROM asset AS live LEFT JOIN rebuilt_asset AS known USING (asset_id)
WHERE known.asset_id IS NULL OR live.sequence > known.sequence
   OR (live.dead_since IS NOT NULL AND live.dead_since IS DISTINCT FROM known.dead_since)
ON CONFLICT (asset_id) DO UPDATE SET sequence = greatest(mine.sequence, excluded.sequence),
    dead_since = coalesce(excluded.dead_since, mine.dead_since),
    dead_reason = coalesce(excluded.dead_reason, mine.dead_reason),
    dead_event_id = coalesce(excluded.dead_event_id, mine.dead_event_id),
    dead_source = coalesce(excluded.dead_source, mine.dead_source)
""",
    """
INSERT INTO rebuilt_stored_object AS mine
SELECT live.* FROM stored_object AS live LEFT JOIN rebuilt_stored_object AS known USING (key)
WHERE known.key IS NULL
   OR (array_position(ARRAY['living', 'condemned', 'purged'], live.state)
       >= array_position(ARRAY['living', 'condemned', 'purged'], known.state)
       AND (live.state, live.reason, live.cause_event_id, live.ordered_by, live.first_seen,
            live.condemned_at, live.purged_at, live.declared_by)
           IS DISTINCT FROM
           (known.state, known.reason, known.cause_event_id, known.ordered_by, known.first_seen,
            known.condemned_at, known.purged_at, known.declared_by))
ON CONFLICT (key) DO UPDATE SET state = excluded.state, reason = excluded.reason,
    cause_event_id = excluded.cause_event_id, ordered_by = excluded.ordered_by,
    first_seen = excluded.first_seen, condemned_at = excluded.condemned_at,
    purged_at = excluded.purged_at,
    declared_by = coalesce(excluded.declared_by, mine.declared_by),
    declared_event_id = coalesce(excluded.declared_event_id, mine.declared_event_id)
""",
    """
INSERT INTO rebuilt_purge AS mine
SELECT live.* FROM purge AS live LEFT JOIN rebuilt_purge AS known USING (id)
WHERE known.id IS NULL
   OR ((live.finished_at IS NOT NULL OR known.finished_at IS NULL)
       AND (live.ordered_at, live.finished_at, live.failures, live.last_error)
           IS DISTINCT FROM
           (known.ordered_at, known.finished_at, known.failures, known.last_error))
ON CONFLICT (id) DO UPDATE SET ordered_at = excluded.ordered_at,
    finished_at = excluded.finished_at, failures = excluded.failures,
    last_error = excluded.last_error
""",
)

# an order that is not done has somebody who comes for it; carried out twice it deletes what is gone
# and says nothing again
_QUEUE = """
INSERT INTO job (id, kind, subject, payload, due_at, max_attempts, traceparent)
SELECT id, :kind, asset_id, '{}', clock_timestamp(), :attempts, traceparent
FROM rebuilt_purge WHERE finished_at IS NULL
ON CONFLICT (id) DO UPDATE SET state = 'waiting', due_at = excluded.due_at, lease_token = NULL,
    ended_at = NULL
WHERE job.state NOT IN ('waiting', 'running')
"""


async def settle(session: WriteSession) -> None:
    """Draw the conclusions of what was read so far."""
    for statement in _SETTLE:
        await session.execute(text(statement))


async def inherit(session: WriteSession) -> dict[str, int]:
    """Take along what only the live tables know; how many rows that changed, by table."""
    changed = {}
    for table, statement in zip(("asset", "stored_object", "purge"), _INHERIT, strict=True):
        changed[table] = (await session.execute(text(statement))).rowcount
    return changed


async def queue_open_orders(session: WriteSession, *, kind: str, attempts: int) -> int:
    """A waiting job for each order that is not done and has none; how many were made."""
    values = {"kind": kind, "attempts": attempts}
    return (await session.execute(text(_QUEUE), values)).rowcount
