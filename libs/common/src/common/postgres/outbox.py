"""The outbox: a fact is appended in the transaction that makes it true."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg
from sqlalchemy import text

from common.errors import Forbidden, TooLarge
from common.events.envelope import from_headers
from common.events.message import Message
from common.events.topics import TOPICS
from common.postgres.engine import WriteSession, after_commit
from common.postgres.leader import LeaderConnection

WAKE = "outbox"
MAX_PAYLOAD = (
    900_000  # bytes; the broker refuses a record over 1 MiB, and the relay would stand still
)
_COMPACTED = [topic.name for topic in TOPICS if topic.policy == "compact"]
_PRODUCERS = {topic.name: topic.producers for topic in TOPICS}
_BACKLOG_CAP = 100_000  # rows counted for the gauge: beyond this the exact number tells nobody more

_APPEND = text("""
INSERT INTO outbox
    (event_id, topic, key, subject, sequence, type, headers, payload, occurred_at)
VALUES
    (:event_id, :topic, :key, :subject, :sequence, :type, CAST(:headers AS jsonb), :payload,
     :occurred_at)
""")
_FETCH = """
SELECT position, topic, key, headers, payload FROM outbox
WHERE published_at IS NULL ORDER BY position LIMIT $1
"""
_MARK = """
UPDATE outbox SET published_at = clock_timestamp(), kafka_partition = sent.kafka_partition,
    kafka_offset = sent.kafka_offset, payload_dropped = topic = ANY($4),
    payload = CASE WHEN topic = ANY($4) THEN NULL ELSE payload END
FROM unnest($1::bigint[], $2::integer[], $3::bigint[])
    AS sent (position, kafka_partition, kafka_offset)
WHERE outbox.position = sent.position
"""
_PENDING = """
SELECT count(*) FROM (SELECT FROM outbox WHERE published_at IS NULL LIMIT $1) AS pending
"""
_OLDEST = """
SELECT clock_timestamp() - appended_at FROM outbox
WHERE published_at IS NULL ORDER BY position LIMIT 1
"""


async def append(session: WriteSession, message: Message) -> None:
    """Append a record in the caller's transaction; its commit wakes this process's relay.

    Call it after the aggregate's row was locked or version-checked in the same transaction: that
    alone makes the order of positions the order of the aggregate's history. An event id, or a
    sequence of a key, that exists already is a bug of the caller and raises IntegrityError; a
    payload that no broker would take raises TooLarge, a topic of another service Forbidden: the
    relay could only stand still before such a row.
    """
    envelope = message.envelope
    if envelope.source not in _PRODUCERS.get(message.topic, {envelope.source}):
        raise Forbidden(f"{envelope.source} does not own {message.topic}", code="foreign_topic")
    if len(message.payload or b"") > MAX_PAYLOAD:
        raise TooLarge(f"{envelope.type} is larger than a record may be")
    values = {
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
    await session.execute(_APPEND, values)
    after_commit(session, WAKE)


class PostgresOutboxSource(LeaderConnection):
    """The rows of one service for its relay (`common.relay.port.OutboxSource`).

    Everything runs on the one connection that holds the leader's lock, so a statement that succeeds
    also proves that the lock was still held.
    """

    def __init__(self, database_url: str, service: str, *, schema: str | None = None) -> None:
        super().__init__(database_url, schema or service.replace("-", "_"), purpose="relay")

    async def fetch(self, limit: int) -> tuple[list[tuple[int, Message]], datetime]:
        """Unpublished rows by position, and a clock read made before they were selected."""
        async with self.mapped() as connection:
            # two statements on purpose: the second one's snapshot is younger than the clock read
            read_at: datetime = await connection.fetchval("SELECT clock_timestamp()")
            rows = await connection.fetch(_FETCH, limit)
        return [(row["position"], _message(row)) for row in rows], read_at

    async def mark(self, published: Sequence[tuple[int, int, int]]) -> None:
        """Record (position, partition, offset) of what Kafka has; payloads with names go."""
        positions, partitions, offsets = zip(*published, strict=True)
        async with self.mapped() as connection:
            await connection.execute(_MARK, positions, partitions, offsets, _COMPACTED)

    async def backlog(self) -> tuple[int, timedelta]:
        """How many rows wait (counted up to a cap) and the age of the oldest."""
        async with self.mapped() as connection:
            pending: int = await connection.fetchval(_PENDING, _BACKLOG_CAP)
            age: timedelta | None = await connection.fetchval(_OLDEST)
        return pending, age or timedelta()


def _message(row: asyncpg.Record) -> Message:
    headers = [(name, value.encode()) for name, value in json.loads(row["headers"]).items()]
    return Message(row["topic"], row["key"], from_headers(headers), row["payload"])
