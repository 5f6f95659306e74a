"""The log as recovery reads it: committed records, in large batches, up to ends noted before."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from catalog.recovery.ports import LogBatch, Positions
from common.errors import Gone, Unavailable
from common.events.topics import Topic
from common.kafka.lenient_records import read_leniently
from common.settings.groups import KafkaSettings

START_TIMEOUT = 30.0  # seconds
SILENCE = 60.0  # seconds without a record before the end is reached
BATCH = 10_000  # records; with one transaction each, more would only cost memory
_PER_FETCH = 4 * 1024 * 1024  # bytes of a partition; one state record is never near it


@dataclass(frozen=True, slots=True)
class KafkaLog:
    """The topics of one installation; tests give others under the same roles."""

    settings: KafkaSettings
    topics: Sequence[Topic]
    batch: int = BATCH

    async def ends(self) -> Mapping[str, Positions]:
        async with _consumer(self.settings) as consumer:
            partitions = [
                TopicPartition(topic.name, number)
                for topic in self.topics
                for number in range(topic.partitions)
            ]
            found = await consumer.end_offsets(partitions)
        ends: dict[str, dict[int, int]] = {topic.name: {} for topic in self.topics}
        for partition, offset in found.items():
            ends[partition.topic][partition.partition] = offset
        return ends

    async def read(
        self, topic: Topic, start: Positions, ends: Positions
    ) -> AsyncGenerator[LogBatch, None]:
        open_ = {n: offset for n, offset in start.items() if offset < ends[n]}
        if not open_:
            return
        async with _consumer(self.settings) as consumer:
            consumer.assign([TopicPartition(topic.name, number) for number in open_])
            for number, offset in open_.items():
                consumer.seek(TopicPartition(topic.name, number), offset)
            async for batch in _batches(consumer, topic.name, open_, ends, self.batch):
                yield batch


async def _batches(
    consumer: AIOKafkaConsumer, topic: str, open_: dict[int, int], ends: Positions, most: int
) -> AsyncIterator[LogBatch]:
    while open_:
        batch = await _batch(consumer, topic, open_, ends, most)
        for number, offset in batch.positions.items():
            open_[number] = offset
            if offset >= ends[number]:
                consumer.pause(TopicPartition(topic, number))
                del open_[number]
        yield batch


async def _batch(
    consumer: AIOKafkaConsumer, topic: str, open_: Mapping[int, int], ends: Positions, most: int
) -> LogBatch:
    """One poll; positions also move past transaction markers, which are no records."""
    async with asyncio.timeout(SILENCE):
        while True:
            got = await consumer.getmany(timeout_ms=500, max_records=most)
            records = [
                record
                for partition, found in got.items()
                for record in _before(ends[partition.partition], found)
            ]
            positions = {
                number: min(await consumer.position(TopicPartition(topic, number)), ends[number])
                for number in open_
            }
            if records or positions != open_:
                return LogBatch(records, positions)


def _before(end: int, found: Sequence[Any]) -> Sequence[Any]:
    if found and found[-1].offset < end:
        return found
    return [record for record in found if record.offset < end]


@asynccontextmanager
async def _consumer(settings: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    read_leniently()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=_PER_FETCH,
    )
    try:
        async with asyncio.timeout(START_TIMEOUT):
            await consumer.start()
        yield consumer
    except OffsetOutOfRangeError as error:
        raise Gone(
            "the log ends before the place recovery had reached", code="offset_gone"
        ) from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable("Kafka does not answer", code="kafka_unavailable") from error
    finally:
        await consumer.stop()
