"""What an operator sees of an outbox, and facts made unpublished: the relay sends them again."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from common.events.topics import TOPICS
from common.postgres.engine import ReadSession, WriteSession
from common.postgres.leader import lock_name

_COMPACTED = [topic.name for topic in TOPICS if topic.policy == "compact"]

_COUNTS = text("""
SELECT count(*) FILTER (WHERE published_at IS NULL) AS pending,
    coalesce(clock_timestamp() - min(appended_at) FILTER (WHERE published_at IS NULL),
        interval '0') AS oldest,
    count(*) FILTER (WHERE published_at IS NOT NULL AND topic <> ALL(:compacted)) AS kept,
    count(*) FILTER (WHERE payload_dropped) AS dropped,
    count(*) FILTER (WHERE tableoid = 'outbox_default'::regclass) AS in_default
FROM outbox
""")
_PARTITIONS = text("""
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'outbox'::regclass
ORDER BY inhrelid::regclass::text
""")
_LEADER = text("""
SELECT host(s.client_addr) AS host, s.client_port AS port, s.backend_start AS since
FROM pg_locks l JOIN pg_stat_activity s USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (l.classid::bigint << 32) | l.objid::bigint = hashtextextended(:name, 0)
""")
_FACTS = text("""
SELECT topic, count(*) AS facts FROM outbox
WHERE published_at IS NOT NULL AND topic <> ALL(:compacted) GROUP BY topic ORDER BY topic
""")
_ENDS = text("""
(SELECT event_id, kafka_partition, kafka_offset FROM outbox
    WHERE topic = :topic AND published_at IS NOT NULL ORDER BY position LIMIT 1)
UNION ALL
(SELECT event_id, kafka_partition, kafka_offset FROM outbox
    WHERE topic = :topic AND published_at IS NOT NULL ORDER BY position DESC LIMIT 1)
""")
_MONTHS = text("SELECT DISTINCT month FROM outbox WHERE topic = ANY(:topics) ORDER BY month")
_UNPUBLISH = text("""
UPDATE outbox SET published_at = NULL, kafka_partition = NULL, kafka_offset = NULL
WHERE month = :month AND published_at IS NOT NULL AND topic = ANY(:topics)
""")
_PENDING = text("SELECT count(*) FROM outbox WHERE published_at IS NULL")


@dataclass(frozen=True, slots=True)
class Leader:
    """The relay that holds the lock: the address it speaks to Postgres from, and since when."""

    address: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts of one outbox. `kept` are facts in Kafka, `dropped` rows whose payload is gone."""

    pending: int
    oldest: timedelta
    kept: int
    dropped: int
    in_default: int
    partitions: tuple[str, ...]
    leader: Leader | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where Kafka had a record when it was published."""

    event_id: UUID
    topic: str
    partition: int
    offset: int


async def overview(session: ReadSession, schema: str) -> Overview:
    """Reads every row once: seconds per million."""
    counts = (await session.execute(_COUNTS, {"compacted": _COMPACTED})).one()
    partitions = await session.scalars(_PARTITIONS)
    return Overview(
        pending=counts.pending,
        oldest=counts.oldest,
        kept=counts.kept,
        dropped=counts.dropped,
        in_default=counts.in_default,
        partitions=tuple(name.rsplit(".", 1)[-1] for name in partitions),
        leader=await leader_of(session, schema),
    )


async def leader_of(session: ReadSession, schema: str) -> Leader | None:
    """The relay that leads now, as the server knows it."""
    row = (await session.execute(_LEADER, {"name": lock_name(schema, "relay")})).one_or_none()
    return None if row is None else Leader(f"{row.host or 'socket'}:{row.port}", row.since)


async def published_facts(session: ReadSession) -> dict[str, int]:
    """Topic -> how many facts are kept that were published."""
    rows = await session.execute(_FACTS, {"compacted": _COMPACTED})
    return {row.topic: row.facts for row in rows}


async def first_and_last(session: ReadSession, topic: str) -> list[Place]:
    """Where the oldest and the newest published fact of a topic were put."""
    rows = await session.execute(_ENDS, {"topic": topic})
    return [Place(row.event_id, topic, row.kafka_partition, row.kafka_offset) for row in rows]


async def unpublish(session: WriteSession, topics: Sequence[str]) -> AsyncIterator[int]:
    """Make the facts of these topics unpublished, month by month; yields how many each had.

    The whole must be one transaction: the relay sends by position, and must not meet a later month
    before an earlier one.
    """
    months = (await session.scalars(_MONTHS, {"topics": topics})).all()
    for month in months:
        done = await session.execute(_UNPUBLISH, {"month": month, "topics": topics})
        yield done.rowcount


async def pending(session: ReadSession) -> int:
    """How many rows wait, exactly."""
    return int(await session.scalar(_PENDING) or 0)
