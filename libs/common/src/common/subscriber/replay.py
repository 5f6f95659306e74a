"""Reads topics of facts from kept positions to their ends: for rebuilding what was made of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from common.errors import Unavailable
from common.events.topics import Topic
from common.kafka.lenient_records import read_leniently
from common.kafka.topics import missing
from common.settings.groups import KafkaSettings
from common.subscriber.state import OffsetGone

ANSWER = 30.0  # seconds for one answer of the broker
BATCH = 4000  # records of one batch at most
POLL_MS = 500
# a question about the ends waits behind the last fetch, which the broker holds for so long
IDLE_FETCH_MS = 20

Place = tuple[str, int]
"""A topic and a partition."""
Positions = Mapping[Place, int]
Record = ConsumerRecord[Any, Any]


@dataclass(frozen=True, slots=True)
class ReplayBatch:
    """Records in order per partition, and where to go on once they are dealt with."""

    records: Sequence[Record]
    positions: Positions


class Replay:
    """An open reader of committed records; it belongs to no group and commits nothing."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[Topic]) -> None:
        read_leniently()
        self._settings, self._topics = settings, topics
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=IDLE_FETCH_MS,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )

    async def __aenter__(self) -> Self:
        """Raises Unavailable without a broker or without one of the topics."""
        lacking = await missing(self._settings, [topic.name for topic in self._topics])
        if lacking:
            raise Unavailable(f"no such topic: {', '.join(lacking)}", code="topic_missing")
        async with _mapped():
            async with asyncio.timeout(ANSWER):
                await self._consumer.start()
            self._consumer.assign(self._partitions())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def ends(self) -> Positions:
        """The ends of what is committed now."""
        async with _mapped(), asyncio.timeout(ANSWER):
            found = await self._consumer.end_offsets(self._partitions())
        return {(at.topic, at.partition): offset for at, offset in found.items()}

    async def read(self, start: Positions, ends: Positions) -> AsyncIterator[ReplayBatch]:
        """From `start` (0 where nothing is said) to `ends`, no record further.

        Raises OffsetGone when the log ends before a place that was reached once: Kafka was lost.
        A new log that is as long again is not noticed: whoever keeps positions from one run to the
        next keeps the log's epoch (`common.kafka.topics.epoch`) with them.
        """
        at = {place: start.get(place, 0) for place in ends}
        if any(at[place] > ends[place] for place in ends):
            raise OffsetGone("the log ends before the place that was reached")
        async with _mapped():
            for place, offset in at.items():
                self._consumer.seek(TopicPartition(*place), offset)
            while open_ := [place for place in ends if at[place] < ends[place]]:
                async with asyncio.timeout(ANSWER):
                    batch = await self._batch(open_, ends)
                at |= batch.positions
                yield batch

    async def _batch(self, open_: Sequence[Place], ends: Positions) -> ReplayBatch:
        partitions = [TopicPartition(*place) for place in open_]
        got = await self._consumer.getmany(*partitions, timeout_ms=POLL_MS, max_records=BATCH)
        records = [
            record
            for found in got.values()
            for record in found
            if record.offset < ends[record.topic, record.partition]
        ]
        # positions also move past the markers of transactions, which are no records
        positions = {
            place: min(await self._consumer.position(TopicPartition(*place)), ends[place])
            for place in open_
        }
        return ReplayBatch(records, positions)

    def _partitions(self) -> list[TopicPartition]:
        return [
            TopicPartition(topic.name, number)
            for topic in self._topics
            for number in range(topic.partitions)
        ]


@asynccontextmanager
async def _mapped() -> AsyncIterator[None]:
    try:
        yield
    except OffsetOutOfRangeError as error:
        raise OffsetGone("a place that was reached is not in the log") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable("Kafka does not answer", code="kafka_unavailable") from error
