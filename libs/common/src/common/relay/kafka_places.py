"""What Kafka really holds: a record at the place it once had, and the last word of each relay."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from common.errors import Corrupt, Unavailable
from common.events import Watermark, decode
from common.events.envelope import from_headers
from common.events.topics import WATERMARKS, Topic
from common.settings.groups import KafkaSettings

TAIL = 5_000  # records of the watermarks' topic that are looked at: of some minutes
PATIENCE_MS = 5_000  # for one answer


async def holds(
    settings: KafkaSettings, topic: str, partition: int, offset: int, event_id: UUID
) -> bool:
    """Whether this event is at this place; no when there is no such topic or offset."""
    place = TopicPartition(topic, partition)
    async with _consumer(settings) as consumer:
        if topic not in await consumer.topics():
            return False
        consumer.assign([place])
        begin = (await consumer.beginning_offsets([place]))[place]
        end = (await consumer.end_offsets([place]))[place]
        if not begin <= offset < end:
            return False
        consumer.seek(place, offset)
        found = await consumer.getmany(place, timeout_ms=PATIENCE_MS, max_records=1)
        return any(
            record.offset == offset and _id(record.headers) == event_id
            for record in found.get(place, [])
        )


async def written(settings: KafkaSettings, topics: Iterable[Topic]) -> set[str]:
    """The names of those of these topics to which anything was ever written."""
    found: set[str] = set()
    async with _consumer(settings) as consumer:
        existing = await consumer.topics()
        for topic in topics:
            if topic.name in existing:
                places = [TopicPartition(topic.name, part) for part in range(topic.partitions)]
                if any((await consumer.end_offsets(places)).values()):
                    found.add(topic.name)
    return found


async def last_watermarks(settings: KafkaSettings) -> dict[str, datetime]:
    """The last watermark of each service among the newest records of the topic."""
    place = TopicPartition(WATERMARKS.name, 0)
    found: dict[str, datetime] = {}
    async with _consumer(settings) as consumer:
        if WATERMARKS.name not in await consumer.topics():
            return found
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        begin = (await consumer.beginning_offsets([place]))[place]
        consumer.seek(place, max(begin, end - TAIL))
        while await consumer.position(place) < end:
            for record in (await consumer.getmany(place, timeout_ms=200)).get(place, []):
                event = decode(record.key, record.headers, record.value).event
                if isinstance(event, Watermark):
                    found[event.service] = event.at
    return found


@asynccontextmanager
async def _consumer(settings: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        request_timeout_ms=PATIENCE_MS,
    )
    try:
        await consumer.start()
        yield consumer
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable("Kafka does not answer", code="kafka_unavailable") from error
    finally:
        await consumer.stop()


def _id(headers: Any) -> UUID | None:
    try:
        return from_headers(headers).id
    except Corrupt:
        return None
