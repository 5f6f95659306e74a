"""For readers of state that keep their offset beside what they built from it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from common.errors import Gone, Unavailable
from common.events.topics import Topic
from common.kafka.broker import REQUEST_TIMEOUT_MS
from common.kafka.lenient_records import read_leniently
from common.kafka.letting_go import let_go
from common.kafka.log_watch import LogLost, LogWatch
from common.kafka.topics import missing
from common.settings.groups import KafkaSettings
from common.telemetry.liveness import beat
from common.telemetry.logs import get_logger
from common.web.loops import wait_for

MAX_RECORDS = 2000
POLL_MS = 500
START_TIMEOUT = 30.0  # seconds
RETRY_FIRST, RETRY_CAP = 0.5, 10.0  # seconds

_log = get_logger("common.subscriber")


class OffsetGone(Gone):
    """The offset to begin at is not in the topic: Kafka was lost. Refill from the start."""

    default_code = "offset_gone"


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record as bytes: the reader decodes what it needs. `value` None is a tombstone.

    `timestamp` is Kafka's, in milliseconds.
    """

    offset: int
    key: bytes
    headers: Sequence[tuple[str, bytes]]
    value: bytes | None
    timestamp: int = 0


@dataclass(frozen=True, slots=True)
class StateBatch:
    """One poll.

    Store `next_offset` in the transaction that applies `records`.

    `end_offset` is the end of what is committed in the topic, read together with the batch.
    """

    records: Sequence[RawRecord]
    next_offset: int
    end_offset: int

    @property
    def caught_up(self) -> bool:
        """Nothing committed was left to read when this batch was."""
        return self.next_offset >= self.end_offset


OnBatch = Callable[[StateBatch], Awaitable[None]]


async def read_state(
    settings: KafkaSettings,
    topic: Topic,
    *,
    start_offset: int,
    on_batch: OnBatch,
    stop: asyncio.Event,
) -> None:
    """Read a topic of one partition until `stop`: committed records only, in order.

    `on_batch` is called for every poll, about twice a second when nothing comes (a reader sees then
    that it is current). Kafka being away is waited out; reading goes on after the last batch that
    `on_batch` took. When it raises Unavailable the batch is read again; anything else ends the
    reading. Raises OffsetGone also when another log came to stand under the topic's name, however
    long it is by then.
    """
    if topic.partitions != 1:
        raise ValueError(f"{topic.name} has no total order")
    position, delay, cluster_id = start_offset, RETRY_FIRST, ""
    while not stop.is_set():
        try:
            async with _consumer(settings, topic, position) as consumer:
                watch = await LogWatch.attach(consumer, topic.name, cluster_id)
                cluster_id = watch.cluster_id
                while not stop.is_set():
                    batch = await _poll(consumer, TopicPartition(topic.name, 0), position)
                    watch.refuse()
                    await on_batch(batch)
                    position, delay = batch.next_offset, RETRY_FIRST
                    beat()
        except (OffsetOutOfRangeError, LogLost) as error:
            raise OffsetGone(f"{topic.name} has no offset {position}") from error
        except (Unavailable, KafkaError, OSError, TimeoutError) as error:
            _log.warning("state.retry", topic=topic.name, error=type(error).__name__, delay=delay)
            await wait_for(stop, delay)
            delay = min(delay * 2, RETRY_CAP)


async def _poll(consumer: AIOKafkaConsumer, partition: TopicPartition, position: int) -> StateBatch:
    got = await consumer.getmany(partition, timeout_ms=POLL_MS, max_records=MAX_RECORDS)
    records = [
        RawRecord(record.offset, record.key or b"", record.headers, record.value, record.timestamp)
        for record in got.get(partition, ())
    ]
    # transaction markers take offsets too: the position is past them although no record came
    next_offset = max(position, await consumer.position(partition))
    end = await consumer.end_offsets([partition])
    return StateBatch(records, next_offset, end[partition])


@asynccontextmanager
async def _consumer(
    settings: KafkaSettings, topic: Topic, position: int
) -> AsyncIterator[AIOKafkaConsumer]:
    if await missing(settings, [topic.name]):
        raise Unavailable(f"no such topic: {topic.name}", code="topic_missing")
    read_leniently()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 * 1024 * 1024,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )
    partition = TopicPartition(topic.name, 0)
    try:
        async with asyncio.timeout(START_TIMEOUT):
            await consumer.start()
            consumer.assign([partition])
            consumer.seek(partition, position)
        yield consumer
    finally:
        await let_go(consumer)
