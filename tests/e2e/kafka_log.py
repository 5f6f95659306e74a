"""The log as Kafka holds it: raw records read, the very same records written again."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from common.events.topics import CONSUMERS
from common.kafka.letting_go import let_go
from common.kafka.topics import ALL_TOPICS

FACTS = ("media.uploads.v1", "media.assets.v1", "media.renditions.v1", "media.purges.v1")


@dataclass(frozen=True)
class Record:
    """One record, untouched."""

    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def records_of(bootstrap: str, key: str, topics: Iterable[str] = FACTS) -> list[Record]:
    """Every committed record of one key, per topic in order."""
    return asyncio.run(_read(bootstrap, key.encode(), tuple(topics)))


def deliver_again(bootstrap: str, records: Iterable[Record]) -> None:
    """Produce the same keys, headers and values once more."""
    asyncio.run(_write(bootstrap, tuple(records)))


def lag(bootstrap: str) -> int:
    """How many records the services' own groups have not committed yet."""
    return asyncio.run(_lag(bootstrap))


async def _read(bootstrap: str, key: bytes, topics: tuple[str, ...]) -> list[Record]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        partitions = [
            TopicPartition(topic.name, number)
            for topic in ALL_TOPICS
            if topic.name in topics
            for number in range(topic.partitions)
        ]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[Record] = []
        for partition in partitions:
            await consumer.seek_to_beginning(partition)
        while any([await consumer.position(tp) < ends[tp] for tp in partitions]):
            batches = await consumer.getmany(timeout_ms=200)
            for batch in batches.values():
                found += [
                    Record(item.topic, item.key, item.value, tuple(item.headers))
                    for item in batch
                    if item.key == key
                ]
        return found
    finally:
        await let_go(consumer)


async def _write(bootstrap: str, records: tuple[Record, ...]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for record in records:
            await producer.send_and_wait(
                record.topic, record.value, key=record.key, headers=list(record.headers)
            )
    finally:
        await producer.stop()


async def _lag(bootstrap: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await admin.start()
    await consumer.start()
    try:
        waiting = 0
        for group, topic in CONSUMERS.items():
            partitions = [TopicPartition(topic.name, n) for n in range(topic.partitions)]
            committed = await admin.list_consumer_group_offsets(group)
            if not committed:
                continue  # nobody reads with this group yet
            ends = await consumer.end_offsets(partitions)
            waiting += sum(
                max(0, ends[tp] - max(0, committed[tp].offset if tp in committed else 0))
                for tp in partitions
                if tp in committed or ends[tp] > 0
            )
        return waiting
    finally:
        await consumer.stop()
        await admin.close()
