"""Lays the rows of an outbox beside the records of its topics, partition by partition."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy import Row, text

from common.errors import Unavailable
from common.events.topics import Topic
from common.fsck import Finding, Scope, side_by_side
from common.kafka.lenient_records import read_leniently
from common.kafka.topics import missing
from common.postgres.engine import Database
from common.postgres.streams import rows
from common.settings.groups import KafkaSettings

ANSWER = 30.0  # seconds for one answer of the broker
LOOK_UP = 1000  # ids asked for at once
# a question after the end waits behind the last fetch, which the broker holds for so long
IDLE_FETCH_MS = 20

_PLACED = """
SELECT event_id, key, kafka_offset, sha256(coalesce(payload, '')) AS digest,
       published_at < clock_timestamp() - CAST(:age AS interval) AS settled
FROM outbox WHERE topic = :topic AND kafka_partition = :number AND published_at IS NOT NULL
ORDER BY kafka_offset
"""
_KNOWN = text("SELECT event_id::text FROM outbox WHERE event_id::text = ANY(:ids)")

Mark = tuple[str, bytes, str]
"""Event id, digest of the bytes and key of one record."""


@dataclass(frozen=True, slots=True)
class LogCheck:
    """The check itself (`common.fsck.Run`).

    A fact that stands at another offset too is a repeat of the relay or of a reseed, and fine.
    """

    database: Database
    kafka: KafkaSettings
    topics: tuple[Topic, ...]

    async def __call__(self, scope: Scope) -> AsyncIterator[Finding]:
        lacking = await missing(self.kafka, [topic.name for topic in self.topics])
        if lacking:
            raise Unavailable(f"no such topic: {', '.join(lacking)}", code="topic_missing")
        async with _consumer(self.kafka) as consumer:
            for topic in self.topics:
                for number in range(topic.partitions):
                    place = TopicPartition(topic.name, number)
                    async for finding in self._partition(consumer, place, scope):
                        yield finding

    async def _partition(
        self, consumer: AIOKafkaConsumer, place: TopicPartition, scope: Scope
    ) -> AsyncIterator[Finding]:
        strangers: list[tuple[int, Mark]] = []
        streams = (self._rows(place, scope), _marks(consumer, place))
        async for offset, (row, mark) in side_by_side(streams):
            scope.step()
            if row is not None:
                problem = _compared(row, mark)
                if problem:
                    yield Finding(row.key, f"{_at(place, offset)}: {problem}")
            else:
                strangers.append((offset, mark))
            if len(strangers) >= LOOK_UP:
                async for finding in self._unknown(place, strangers):
                    yield finding
                strangers = []
        async for finding in self._unknown(place, strangers):
            yield finding

    async def _rows(
        self, place: TopicPartition, scope: Scope
    ) -> AsyncIterator[tuple[int, Row[Any]]]:
        values = {"topic": place.topic, "number": place.partition, "age": scope.age}
        async for row in rows(self.database, _PLACED, **values):
            yield row.kafka_offset, row

    async def _unknown(
        self, place: TopicPartition, marks: Sequence[tuple[int, Mark]]
    ) -> AsyncIterator[Finding]:
        """A row is committed before its record is sent, so one that exists is found now."""
        if not marks:
            return
        async with self.database.read() as session:
            ids = {"ids": [mark[0] for _, mark in marks]}
            known = set(await session.scalars(_KNOWN, ids))
        for offset, (event_id, _, key) in marks:
            if event_id not in known:
                yield Finding(key, f"{_at(place, offset)} is in no outbox")


async def _marks(
    consumer: AIOKafkaConsumer, place: TopicPartition
) -> AsyncIterator[tuple[int, Mark]]:
    """Every committed record up to the end that stood when reading began."""
    try:
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        await consumer.seek_to_beginning(place)
        while await consumer.position(place) < end:
            async with asyncio.timeout(ANSWER):
                got = await consumer.getmany(place, timeout_ms=1000, max_records=2000)
            for record in got.get(place, ()):
                yield record.offset, _mark(record)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable("Kafka does not answer", code="kafka_unavailable") from error


def _mark(record: Any) -> Mark:
    headers = dict(record.headers)
    event_id = headers.get("ce_id", b"").decode("utf-8", "replace")
    key = (record.key or b"").decode("utf-8", "replace")
    return event_id, sha256(record.value or b"").digest(), key


def _compared(row: Row[Any], mark: Mark | None) -> str | None:
    if mark is None:
        return "published, and nothing is there" if row.settled else None
    same = (str(row.event_id), bytes(row.digest), row.key) == mark
    return None if same else "other bytes than those of its row"


def _at(place: TopicPartition, offset: int) -> str:
    return f"{place.topic} {place.partition}:{offset}"


@asynccontextmanager
async def _consumer(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    read_leniently()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        isolation_level="read_committed",
        fetch_max_wait_ms=IDLE_FETCH_MS,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        async with asyncio.timeout(ANSWER):
            await consumer.start()
        yield consumer
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable("Kafka does not answer", code="kafka_unavailable") from error
    finally:
        await consumer.stop()
