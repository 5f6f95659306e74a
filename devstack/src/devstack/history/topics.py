"""Everything committed in the topics, read to the ends that stood when reading began."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from common.kafka.topics import ALL_TOPICS
from devstack.errors import DevstackError
from devstack.history.model import Record, Slot

PATIENCE = 60.0  # seconds for one reading of all topics
Raw = ConsumerRecord[Any, Any]


async def read_topics(bootstrap: str, names: Sequence[str]) -> list[Raw]:
    """Committed records of these topics in offset order per partition; missing topics are empty."""
    try:
        async with asyncio.timeout(PATIENCE), _consumer(bootstrap) as consumer:
            partitions = await _partitions(consumer, names)
            if not partitions:
                return []
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            await consumer.seek_to_beginning(*partitions)
            return await _until(consumer, ends)
    except (KafkaError, OSError, TimeoutError) as error:
        raise DevstackError(f"the topics cannot be read: {error!r}") from error


def record_of(raw: Raw) -> Record:
    """A record with what its envelope says; one without keeps its place and nothing else."""
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in raw.headers}
    sequence = headers.get("ce_sequence", "")
    return Record(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        key=(raw.key or b"").decode("utf-8", "replace"),
        event_id=headers.get("ce_id", ""),
        type=headers.get("ce_type", ""),
        sequence=int(sequence) if sequence.isdigit() else 0,
        payload=raw.value,
    )


def set_aside_of(raw: Raw) -> Slot:
    """Group and event of a dead letter."""
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in raw.headers}
    return headers.get("dlq_group", ""), headers.get("ce_id", "")


async def _partitions(consumer: AIOKafkaConsumer, names: Sequence[str]) -> list[TopicPartition]:
    there = await consumer.topics()
    # the consumer itself knows the partitions of those topics alone that it was given
    return [
        TopicPartition(topic.name, number)
        for topic in ALL_TOPICS
        if topic.name in there and topic.name in names
        for number in range(topic.partitions)
    ]


async def _until(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> list[Raw]:
    found: list[Raw] = []
    while any([await consumer.position(place) < end for place, end in ends.items()]):
        for batch in (await consumer.getmany(timeout_ms=200)).values():
            found += batch
    return found


@asynccontextmanager
async def _consumer(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
