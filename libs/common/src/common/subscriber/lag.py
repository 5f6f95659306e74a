"""How far a group is behind, from what it committed: a consumer that is dead is seen too."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
)

from common.errors import Unavailable
from common.events.topics import Topic
from common.kafka.lenient_records import read_leniently
from common.kafka.letting_go import let_go
from common.kafka.topics import missing
from common.settings.groups import KafkaSettings

OPEN_TIMEOUT = 15.0  # seconds
MEASURE_TIMEOUT = 20.0  # seconds for one group
POLL_MS = 200
FETCH_WAIT_MS = 50
# what is read of each partition that is behind: enough to count a small lag record by record
LOOK_BYTES = 128 * 1024
# a fresh or restarted broker says these for a moment
_COORDINATOR_MOVES = (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition of a group.

    `records` were committed by their producer and not yet by the group: exact while they fit into
    LOOK_BYTES, above that an upper bound, because offsets of transaction markers are among them.
    `oldest` is when the first of them came into Kafka; None when there is none. `committed` None
    says that the group never committed here: it will begin at the first record.
    """

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    records: int
    oldest: datetime | None

    def seconds(self, now: datetime) -> float:
        """Age of the oldest record that waits; 0 when none does."""
        return max(0.0, (now - self.oldest).total_seconds()) if self.oldest else 0.0


class LagReader:
    """Asks the broker, with connections of its own; opened, it holds them until it is closed.

    Offsets alone would never say 0: each transaction ends with a marker, which takes an offset and
    is no record, and a group commits the place after its last record. So the log is read from the
    committed offset on: what is not a record does not count. Only committed transactions do; what
    a producer has not committed yet is not the consumer's lag.
    """

    def __init__(self, settings: KafkaSettings, client_id: str) -> None:
        read_leniently()
        self._settings = settings
        self._admin = AIOKafkaAdminClient(
            bootstrap_servers=settings.bootstrap, client_id=client_id, request_timeout_ms=10_000
        )
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            client_id=client_id,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            request_timeout_ms=10_000,
            retry_backoff_ms=20,  # a topic that is asked for first is unknown to the client
            # the broker answers one connection in order: whatever is asked next waits for a fetch
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_partition_fetch_bytes=LOOK_BYTES,
        )
        self._closing = AsyncExitStack()

    @property
    def admin(self) -> AIOKafkaAdminClient:
        """For what else is asked about groups."""
        return self._admin

    async def __aenter__(self) -> Self:
        """Raises Unavailable without a broker."""
        self._closing.push_async_callback(let_go, self._consumer)
        self._closing.push_async_callback(self._admin.close)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                await self._admin.start()
                await self._consumer.start()
        except BaseException as error:
            await self._closing.aclose()
            if isinstance(error, KafkaError | OSError | TimeoutError):
                raise Unavailable("Kafka does not answer", code="kafka_unavailable") from error
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._closing.aclose()

    async def measure(self, groups: Mapping[str, Topic]) -> list[PartitionLag]:
        """Every partition of these groups; raises Unavailable, naming a topic that is missing."""
        lacking = await missing(self._settings, sorted({t.name for t in groups.values()}))
        if lacking:
            raise Unavailable(f"no such topic: {', '.join(lacking)}", code="topic_missing")
        found: list[PartitionLag] = []
        for group, topic in groups.items():
            try:
                async with asyncio.timeout(MEASURE_TIMEOUT):
                    found += await self._group(group, topic)
            except (KafkaError, OSError, TimeoutError) as error:
                raise Unavailable("Kafka does not answer", code="kafka_unavailable") from error
        return found

    async def _group(self, group: str, topic: Topic) -> list[PartitionLag]:
        partitions = [TopicPartition(topic.name, n) for n in range(topic.partitions)]
        committed = await self._committed(group, partitions)
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(partitions)
        first = await self._consumer.beginning_offsets(partitions)
        behind = {
            at: max(committed[at] or 0, first[at])
            for at in partitions
            if max(committed[at] or 0, first[at]) < ends[at]
        }
        waiting = await self._look(behind, ends)
        return [
            PartitionLag(
                group,
                at.topic,
                at.partition,
                committed[at],
                ends[at],
                *waiting.get(at, (0, None)),
            )
            for at in partitions
        ]

    async def _committed(
        self, group: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int | None]:
        while True:
            with suppress(*_COORDINATOR_MOVES):
                found = await self._admin.list_consumer_group_offsets(
                    group, partitions=list(partitions)
                )
                # a coordinator that still loads answers with nothing, which the client takes for
                # an answer
                if len(found) == len(partitions):
                    return {at: None if one.offset < 0 else one.offset for at, one in found.items()}
            await asyncio.sleep(POLL_MS / 1000)

    async def _look(
        self, behind: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, tuple[int, datetime | None]]:
        """How many records wait in each partition, and since when the first of them."""
        self._consumer.assign(list(behind))
        for at, offset in behind.items():
            self._consumer.seek(at, offset)
        found: dict[TopicPartition, tuple[int, datetime | None]] = {}
        while len(found) < len(behind):
            open_ones = [at for at in behind if at not in found]
            got = await self._consumer.getmany(*open_ones, timeout_ms=POLL_MS)
            for at in open_ones:
                records = [record for record in got.get(at, []) if record.offset < ends[at]]
                position = await self._consumer.position(at)
                if records or position >= ends[at]:
                    unread = max(0, ends[at] - position)
                    found[at] = (len(records) + unread, _came(records))
                    self._consumer.pause(at)  # and the client fetches nothing more of it
        return found


def _came(records: Sequence["ConsumerRecord[Any, Any]"]) -> datetime | None:
    return datetime.fromtimestamp(records[0].timestamp / 1000, UTC) if records else None
