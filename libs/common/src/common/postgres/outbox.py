"""The outbox: a fact is appended in the transaction that makes it true."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import asyncpg
from sqlalchemy import text

from common.errors import Forbidden, TooLarge, Unavailable
from common.events.envelope import from_headers
from common.events.message import Message
from common.events.topics import TOPICS
from common.postgres.engine import WriteSession, after_commit
from common.postgres.failures import UnexpectedDatabaseError
from common.postgres.leader import LeaderConnection
from common.postgres.outbox_partitions import make_partitions
from common.telemetry.logs import get_logger

Row = tuple[int, Message]  # the types of common.relay.port, which stands above this module
Published = tuple[int, int, int]

WAKE = "outbox"
MAX_PAYLOAD = (
    900_000  # bytes; the broker refuses a record over 1 MiB, and the relay would stand still
)
_COMPACTED = [topic.name for topic in TOPICS if topic.policy == "compact"]
_PRODUCERS = {topic.name: topic.producers for topic in TOPICS}
_log = get_logger("common.outbox")
_BACKLOG_CAP = 100_000  # rows counted for the gauge: beyond this the exact number tells nobody more

# The key's head comes first: a second writer of the key waits there for the first to commit, and
# only then takes a position. So positions of a key are in the order of its commits.
_APPEND = text("""
WITH head AS (
    INSERT INTO outbox_head AS known (topic, key, sequence) VALUES (:topic, :key, :sequence)
    ON CONFLICT (topic, key) DO UPDATE
    SET previous = known.sequence, sequence = excluded.sequence
    RETURNING topic, key, sequence
)
INSERT INTO outbox
    (event_id, topic, key, subject, sequence, type, headers, payload, occurred_at)
SELECT :event_id, topic, key, :subject, sequence, :type, CAST(:headers AS jsonb),
    CAST(:payload AS bytea), CAST(:occurred_at AS timestamptz)
FROM head
""")
FETCH = """
SELECT position, month, topic, key, headers, payload, waiting FROM (
    SELECT *, count(*) OVER () AS waiting, sum(size) OVER (ORDER BY position) - size AS before
    FROM (
        SELECT position, month, topic, key, headers, payload,
            coalesce(octet_length(payload), 0) AS size
        FROM outbox WHERE published_at IS NULL ORDER BY position LIMIT $1
    ) AS first
) AS sized
WHERE before < $2 ORDER BY position
"""
# one partition: a join alone would look every row up in each
MARK = """
UPDATE outbox SET published_at = clock_timestamp(), kafka_partition = sent.kafka_partition,
    kafka_offset = sent.kafka_offset, payload_dropped = topic = ANY($4),
    payload = CASE WHEN topic = ANY($4) THEN NULL ELSE payload END
FROM unnest($1::bigint[], $2::integer[], $3::bigint[])
    AS sent (position, kafka_partition, kafka_offset)
WHERE outbox.month = $5 AND outbox.position = sent.position AND outbox.published_at IS NULL
"""
PENDING = """
SELECT count(*) FROM (
    SELECT FROM outbox WHERE published_at IS NULL ORDER BY position LIMIT $1
) AS pending
"""
OLDEST = """
SELECT clock_timestamp() - appended_at FROM outbox
WHERE published_at IS NULL ORDER BY position LIMIT 1
"""


async def append(session: WriteSession, *messages: Message) -> None:
    """Append records in the caller's transaction; its commit wakes this process's relay.

    Several cost one round trip together, and stand in the outbox in this order. Call it after the
    aggregate's row was locked or version-checked in the same transaction: that makes its sequence
    the next one. A sequence of a key that is not higher than its last, or an event id that exists
    already this month, is a bug of the caller and raises IntegrityError; a payload that no broker
    would take raises TooLarge, a topic of another service Forbidden: the relay could only stand
    still before such a row.
    """
    values = [_values(message) for message in messages]
    # a list of one would be sent the slower way of many
    await session.execute(_APPEND, values if len(values) > 1 else values[0])
    after_commit(session, WAKE)


def _values(message: Message) -> dict[str, object]:
    envelope = message.envelope
    if envelope.source not in _PRODUCERS.get(message.topic, {envelope.source}):
        raise Forbidden(f"{envelope.source} does not own {message.topic}", code="foreign_topic")
    if len(message.payload or b"") > MAX_PAYLOAD:
        raise TooLarge(f"{envelope.type} is larger than a record may be")
    return {
        "event_id": envelope.id,
        "topic": message.topic,
        "key": message.key,
        "subject": envelope.subject,
        "sequence": envelope.sequence,
        "type": envelope.type,
        "headers": json.dumps({name: value.decode() for name, value in envelope.to_headers()}),
        "payload": message.payload,
        "occurred_at": envelope.time,
    }


class PostgresOutboxSource(LeaderConnection):
    """The rows of one service for its relay (`common.relay.port.OutboxSource`).

    Everything runs on the one connection that holds the leader's lock, so a statement that succeeds
    also proves that the lock was still held.
    """

    def __init__(self, database_url: str, service: str, *, schema: str | None = None) -> None:
        self._schema_name = schema or service.replace("-", "_")
        super().__init__(database_url, self._schema_name, purpose="relay")
        self._database_url = database_url
        self._months: dict[int, date] = {}

    async def fetch(self, limit: int, max_bytes: int) -> tuple[list[Row], datetime, bool]:
        """Unpublished rows, a clock read made before they were selected, whether these are all."""
        async with self.mapped() as connection:
            # two statements on purpose: the second one's snapshot is younger than the clock read
            read_at: datetime = await connection.fetchval("SELECT clock_timestamp()")
            rows = await connection.fetch(FETCH, limit, max_bytes)
        self._months = {row["position"]: row["month"] for row in rows}
        waiting = rows[0]["waiting"] if rows else 0
        found = [(row["position"], _message(row)) for row in rows]
        return found, read_at, len(rows) == waiting < limit

    async def mark(self, published: Sequence[Published]) -> None:
        """Record (position, partition, offset) of what Kafka has; payloads with names go."""
        months: dict[date, list[Published]] = defaultdict(list)
        for place in published:
            months[self._months[place[0]]].append(place)
        async with self.mapped() as connection, connection.transaction():
            for month, places in months.items():
                positions, partitions, offsets = zip(*places, strict=True)
                await connection.execute(MARK, positions, partitions, offsets, _COMPACTED, month)

    async def upkeep(self) -> None:
        """Make partitions ahead, on another connection: what goes wrong there costs no lead."""
        try:
            made = await make_partitions(self._database_url, self._schema_name)
        except Unavailable as error:
            _log.warning("outbox.partitions", schema=self._schema_name, code=error.code)
            return
        except UnexpectedDatabaseError:
            # rows of that month go where those of no month go, and are published from there
            _log.exception("outbox.partitions.refused", schema=self._schema_name)
            return
        if made:
            _log.info("outbox.partitions", schema=self._schema_name, made=made)

    async def backlog(self) -> tuple[int, timedelta]:
        """How many rows wait (counted up to a cap) and the age of the oldest."""
        async with self.mapped() as connection:
            pending: int = await connection.fetchval(PENDING, _BACKLOG_CAP)
            age: timedelta | None = await connection.fetchval(OLDEST)
        return pending, age or timedelta()


def _message(row: asyncpg.Record) -> Message:
    headers = [(name, value.encode()) for name, value in json.loads(row["headers"]).items()]
    return Message(row["topic"], row["key"], from_headers(headers), row["payload"])
