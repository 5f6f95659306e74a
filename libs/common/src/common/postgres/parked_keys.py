"""What waits for a group, key by key, as an operator sees and changes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from common.postgres.engine import ReadSession, WriteSession
from common.postgres.parked import storable

# the first row of a key is the one that is tried; why it waits is why the key waits
_KEYS = text("""
SELECT consumer, key, count(*) AS rows, min(parked_at) AS since,
    (array_agg(event_id ORDER BY sequence, id))[1] AS event_id,
    (array_agg(type ORDER BY sequence, id))[1] AS type,
    (array_agg(sequence ORDER BY sequence, id))[1] AS sequence,
    (array_agg(reason ORDER BY sequence, id))[1] AS reason,
    (array_agg(detail ORDER BY sequence, id))[1] AS detail,
    (array_agg(attempts ORDER BY sequence, id))[1] AS attempts,
    (array_agg(origin ORDER BY sequence, id))[1] AS origin,
    (array_agg(run_after ORDER BY sequence, id))[1] AS run_after
FROM parked WHERE consumer = :consumer AND (CAST(:key AS text) IS NULL OR key = :key)
GROUP BY consumer, key ORDER BY since
""")
_COUNT = text("SELECT count(DISTINCT key) FROM parked WHERE consumer = :consumer")
_RETRY = text("""
UPDATE parked SET run_after = clock_timestamp()
WHERE consumer = :consumer AND (CAST(:key AS text) IS NULL OR key = :key)
RETURNING key
""")
_KEY_OF = text("SELECT key FROM parked WHERE consumer = :consumer AND event_id = :event_id")
# the retrier's own lock, waited for: nothing is taken from under a handler
_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('reprise.parked.' || :consumer || :key, 0))"
)
_DISCARD = text("""
DELETE FROM parked
WHERE consumer = :consumer AND key = :key
    AND (CAST(:event_id AS uuid) IS NULL OR event_id = :event_id)
RETURNING event_id, sequence
""")


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """One key of a group; `event_id`, `type`, `reason`… are those of its first row."""

    consumer: str
    key: str
    rows: int
    since: datetime
    event_id: UUID
    type: str
    sequence: int
    reason: str
    detail: str
    attempts: int
    origin: str
    run_after: datetime


async def parked_keys(
    session: ReadSession, consumer: str, key: str | None = None
) -> list[ParkedKey]:
    """The keys of a group that wait, the longest first; or the one."""
    rows = await session.execute(_KEYS, {"consumer": consumer, "key": _stored(key)})
    return [ParkedKey(**row) for row in rows.mappings()]


async def count_keys(session: ReadSession, consumer: str) -> int:
    """How many keys wait."""
    return int(await session.scalar(_COUNT, {"consumer": consumer}) or 0)


async def retry_now(session: WriteSession, consumer: str, key: str | None = None) -> int:
    """Make a key, or every key of the group, due at once; how many keys that were."""
    found = await session.scalars(_RETRY, {"consumer": consumer, "key": _stored(key)})
    return len(set(found))


async def key_of(session: ReadSession, consumer: str, event_id: UUID) -> str | None:
    """The key that a waiting event belongs to."""
    found: str | None = await session.scalar(_KEY_OF, {"consumer": consumer, "event_id": event_id})
    return found


async def discard(
    session: WriteSession, consumer: str, key: str, event_id: UUID | None = None
) -> Sequence[tuple[UUID, int]]:
    """Delete one event of a key, or all of them; (id, sequence) of what was deleted.

    Waits for the key's retrier; a try that was under way may have taken the event by then.
    """
    ours = {"consumer": consumer, "key": _stored(key)}
    await session.execute(_LOCK, ours)
    rows = await session.execute(_DISCARD, ours | {"event_id": event_id})
    return [(row.event_id, row.sequence) for row in rows]


def _stored(key: str | None) -> str | None:
    return None if key is None else storable(key)
