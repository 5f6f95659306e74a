import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from libs.common.tests.integration.records import fact, fresh_topic, sender_for

from common.clock import SystemClock
from common.errors import Unavailable
from common.events.topics import Topic
from common.ids import new_asset_id
from common.settings.groups import KafkaSettings
from common.subscriber.groups import describe_groups
from common.subscriber.lag import LOOK_BYTES, LagReader, PartitionLag
from common.subscriber.lag_metrics import export_lag, groups_of
from common.telemetry.metrics import Metrics
from common.testing.clock import ManualClock
from common.testing.kafka import unique
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


class Scene:
    """One group on a topic of its own, reading when it is told to."""

    def __init__(self, kafka: KafkaSettings, topic: Topic) -> None:
        self.kafka, self.topic, self.group = kafka, topic, unique("catalog.uploads")
        self._sequence = 0

    async def send(self, count: int, *, transactions: int = 1) -> None:
        async with sender_for(self.kafka, self.topic, unique("relay"))() as sender:
            for _ in range(transactions):
                messages = [fact(new_asset_id(), 1, self.topic) for _ in range(count)]
                await sender.send_batch(messages)

    async def leave_open(self) -> AIOKafkaProducer:
        """A producer in the middle of a transaction, and with it one that was aborted before."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.kafka.bootstrap, transactional_id=unique("open")
        )
        await producer.start()
        for _ in range(2):
            await producer.begin_transaction()
            for n in range(self.topic.partitions):
                await producer.send_and_wait(self.topic.name, b"{}", partition=n)
            if _ == 0:
                await producer.abort_transaction()
        return producer

    @asynccontextmanager
    async def member(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            self.topic.name,
            bootstrap_servers=self.kafka.bootstrap,
            client_id="reader",
            group_id=self.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def read(self, count: int) -> None:
        """Commit the place after each of so many records, as a subscriber does."""
        seen = 0
        async with self.member() as consumer, asyncio.timeout(20):
            while seen < count:
                got = await consumer.getmany(timeout_ms=200, max_records=count - seen)
                for at, records in got.items():
                    seen += len(records)
                    await consumer.commit({at: records[-1].offset + 1})

    async def lags(self) -> list[PartitionLag]:
        async with LagReader(self.kafka, "test") as reader:
            return await reader.measure({self.group: self.topic})

    async def total(self) -> int:
        return sum(lag.records for lag in await self.lags())


@pytest.fixture
async def scene(kafka: KafkaSettings) -> Scene:
    return Scene(kafka, await fresh_topic(kafka))


async def test_a_group_that_never_read_is_behind_by_every_record(scene: Scene) -> None:
    before = SystemClock().now() - timedelta(seconds=1)
    await scene.send(10, transactions=3)
    lags = await scene.lags()
    assert sum(lag.records for lag in lags) == 30
    assert {lag.committed for lag in lags} == {None}
    assert [lag for lag in lags if lag.records and not (lag.oldest and lag.oldest > before)] == []
    assert [lag for lag in lags if not lag.records and lag.oldest] == []


async def test_what_is_handled_leaves_exactly_nothing_although_markers_take_offsets(
    scene: Scene,
) -> None:
    await scene.send(20, transactions=2)
    await scene.read(40)
    lags = await scene.lags()
    assert sum(lag.end - (lag.committed or 0) for lag in lags) > 0, "no marker behind the last one"
    assert [(lag.records, lag.oldest) for lag in lags] == [(0, None)] * scene.topic.partitions
    assert {lag.seconds(SystemClock().now()) for lag in lags} == {0.0}


async def test_a_group_whose_members_are_gone_is_seen_to_fall_behind(scene: Scene) -> None:
    await scene.send(12)
    await scene.read(5)
    assert await scene.total() == 7
    await scene.send(3, transactions=2)
    assert await scene.total() == 13


async def test_transactions_that_are_aborted_or_open_are_nobodys_lag(scene: Scene) -> None:
    await scene.send(12)
    await scene.read(12)
    producer = await scene.leave_open()
    try:
        assert await scene.total() == 0
        await producer.commit_transaction()
        assert await scene.total() == scene.topic.partitions
    finally:
        await producer.stop()


async def test_a_large_lag_is_bounded_from_above_without_reading_it_all(scene: Scene) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=scene.kafka.bootstrap)
    await producer.start()
    sends: list[Any] = [
        await producer.send(scene.topic.name, b"x" * 1000, partition=0)
        for _ in range(3 * LOOK_BYTES // 1000)
    ]
    await asyncio.gather(*sends)
    await producer.stop()
    first = next(lag for lag in await scene.lags() if lag.partition == 0)
    assert first.records == len(sends)


async def test_members_and_their_partitions_are_told(scene: Scene) -> None:
    async with scene.member() as consumer, LagReader(scene.kafka, "test") as reader:
        await eventually(lambda: bool(consumer.assignment()))
        (member,) = (await describe_groups(reader.admin, [scene.group]))[scene.group].members
        nobody = await describe_groups(reader.admin, ["never.was"])
    assert (member.client, len(member.partitions)) == ("reader", scene.topic.partitions)
    assert nobody["never.was"].members == ()


async def test_a_missing_topic_is_named(kafka: KafkaSettings, scene: Scene) -> None:
    async with LagReader(kafka, "test") as reader:
        with pytest.raises(Unavailable, match="no such topic: nowhere"):
            await reader.measure({"g": Topic("nowhere", frozenset(), "k", "delete", 1)})


async def test_the_gauges_follow_and_an_unreachable_broker_leaves_none(scene: Scene) -> None:
    metrics = Metrics("catalog")
    at = TopicPartition(scene.topic.name, 0)
    labels = {"group": scene.group, "topic": at.topic, "partition": "0"}
    producer = AIOKafkaProducer(bootstrap_servers=scene.kafka.bootstrap)
    await producer.start()
    sent = await producer.send_and_wait(at.topic, b"{}", partition=0)
    await producer.stop()
    clock = ManualClock(datetime.fromtimestamp(sent.timestamp / 1000, UTC) + timedelta(seconds=90))
    groups = {scene.group: scene.topic}

    def sample(noun: str) -> float | None:
        return metrics.registry.get_sample_value(f"media_consumer_lag_{noun}", labels)

    async with showing(scene.kafka, metrics, groups, clock):
        await eventually(lambda: sample("records") == 1)
        assert sample("seconds") == 90
        await scene.read(1)
        await eventually(lambda: sample("records") == 0)
        assert sample("seconds") == 0

    async with showing(KafkaSettings(bootstrap="127.0.0.1:9"), metrics, groups, clock):
        await eventually(lambda: sample("records") is None)
        assert sample("seconds") is None


@asynccontextmanager
async def showing(
    kafka: KafkaSettings, metrics: Metrics, groups: dict[str, Topic], clock: ManualClock
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    loop = export_lag(kafka, "catalog", metrics, groups=groups, clock=clock, every=0.1)

    async def run() -> None:
        await loop(stop)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        yield
        stop.set()


def test_a_service_shows_its_own_groups() -> None:
    assert set(groups_of("janitor")) == {"janitor.uploads", "janitor.assets", "janitor.renditions"}
