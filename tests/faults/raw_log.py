"""The broker as a foreign program uses it: raw records, settings of topics, all that is there."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.partitioner import DefaultPartitioner

from common.events.topics import Topic
from common.kafka.topics import apply
from common.settings.groups import KafkaSettings


@dataclass(frozen=True)
class Planted:
    """A record as a foreign producer might write it."""

    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def plant(bootstrap: str, topic: Topic, partition: int, records: Sequence[Planted]) -> None:
    """Write them, in this order, without our relay and its transactions."""
    asyncio.run(_plant(bootstrap, topic, partition, records))


def partition_of(topic: Topic, key: str) -> int:
    """Where the product's own producer puts this key."""
    numbers = list(range(topic.partitions))
    return int(DefaultPartitioner()(key.encode(), numbers, numbers))


def values_of(bootstrap: str, topic: Topic, key: str) -> list[tuple[int, bytes | None]]:
    """(sequence, value) of every record of a key that is in the log, committed or not."""
    return asyncio.run(_values(bootstrap, topic, key.encode()))


def compact_at_once(bootstrap: str, topic: Topic) -> None:
    """Let the cleaner take everything that is not in the segment being written."""
    hurried = {
        "cleanup.policy": "compact",
        "min.compaction.lag.ms": "0",
        "max.compaction.lag.ms": "500",
        "segment.ms": "500",
        "min.cleanable.dirty.ratio": "0.001",
    }
    asyncio.run(_configure(bootstrap, topic, hurried))


def as_provided(bootstrap: str) -> None:
    """Every topic as `reprise topics apply` makes it."""
    asyncio.run(apply(KafkaSettings(bootstrap=bootstrap)))


async def _plant(bootstrap: str, topic: Topic, partition: int, records: Sequence[Planted]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for one in records:
            await producer.send_and_wait(
                topic.name,
                one.value,
                key=one.key.encode(),
                headers=list(one.headers),
                partition=partition,
            )
    finally:
        await producer.stop()


async def _values(bootstrap: str, topic: Topic, key: bytes) -> list[tuple[int, bytes | None]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_uncommitted",
    )
    partition = TopicPartition(topic.name, partition_of(topic, key.decode()))
    found: list[tuple[int, bytes | None]] = []
    await consumer.start()
    try:
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        while await consumer.position(partition) < end:
            batches = await consumer.getmany(partition, timeout_ms=200)
            for record in batches.get(partition, ()):
                if record.key == key:
                    sequence = int(dict(record.headers)["ce_sequence"])
                    found.append((sequence, record.value))
        return found
    finally:
        await consumer.stop()


async def _configure(bootstrap: str, topic: Topic, settings: Mapping[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=dict(settings))
        await admin.alter_configs([resource])
    finally:
        await admin.close()
