"""Facts through the real broker: every record produced twice, and what the relay publishes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaProducer
from faststream.kafka import KafkaBroker
from services.catalog.tests.integration.real_catalog import RealCatalog
from services.catalog.tests.memory import MemoryCatalog
from services.catalog.tests.story import Story
from services.catalog.tests.ways_in import WaysIn, types

from catalog.domain.asset import Asset
from catalog.domain.states import State
from common.clock import SystemClock
from common.events import Received, decode
from common.events.topics import CONSUMERS, Topic
from common.kafka.broker import build_broker
from common.kafka.topics import apply
from common.postgres.parked import PostgresParking
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lane import Lane
from common.subscriber.loop import run_consumers
from common.subscriber.retrier import Retrier
from common.subscriber.subscriber import ReliableSubscriber
from common.testing.kafka import scratch_topic, unique
from common.testing.waiting import eventually
from devstack.stack import Stack

pytestmark = pytest.mark.integration


class Streams:
    """Scratch copies of the topics the catalog reads, and its consumers on them."""

    def __init__(self, kafka: KafkaSettings, catalog: RealCatalog, groups: Sequence[str]) -> None:
        self.kafka, self.catalog = kafka, catalog
        self.topics = {group: scratch_topic(CONSUMERS[group]) for group in groups}
        self._named = {CONSUMERS[group].name: topic for group, topic in self.topics.items()}

    def topic_of(self, received: Received) -> Topic:
        assert received.event is not None
        return self._named[received.event.TOPIC.name]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        async with AsyncExitStack() as stack:
            dead = await stack.enter_async_context(DeadLetters(self.kafka, "catalog"))
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            lanes = self._lanes(dead)
            tasks.create_task(self._consume(lanes, stop))
            tasks.create_task(Retrier(lanes).loop(stop))
            try:
                yield
            finally:
                stop.set()

    async def _consume(self, lanes: list[Lane], stop: asyncio.Event) -> None:
        def build() -> tuple[KafkaBroker, list[ReliableSubscriber]]:
            broker = build_broker(self.kafka, "catalog")
            return broker, [ReliableSubscriber(broker, lane) for lane in lanes]

        await run_consumers(self.kafka, build)(stop)

    def _lanes(self, dead: DeadLetters) -> list[Lane]:
        hear, metrics = self.catalog.ways_in.hear, self.catalog.ways_in.metrics
        names = {unique(group): topic for group, topic in self.topics.items()}
        return [
            Lane(
                name,
                topic,
                hear,
                dead,
                metrics,
                parking=PostgresParking(self.catalog.database, name),
            )
            for name, topic in names.items()
        ]

    async def produce(self, story: Sequence[Received]) -> None:
        await apply(self.kafka, list(self.topics.values()))
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap)
        await producer.start()
        try:
            for received in story:
                await self._send(producer, received)
        finally:
            await producer.stop()

    async def _send(self, producer: AIOKafkaProducer, received: Received) -> None:
        assert received.event is not None
        await producer.send_and_wait(
            self.topic_of(received).name,
            received.event.model_dump_json().encode(),
            key=received.key.encode(),
            headers=received.envelope.to_headers(),
        )


async def test_facts_of_two_topics_in_any_order_and_each_twice_make_one_ready_asset(
    catalog: RealCatalog, infra: Stack
) -> None:
    kafka = KafkaSettings(bootstrap=infra.env["REPRISE_KAFKA_BOOTSTRAP"])
    streams = Streams(kafka, catalog, ["catalog.uploads", "catalog.renditions", "catalog.details"])
    story = Story(clock=SystemClock())
    heard = [*story.to_ready(), story.named("song.flac")]
    twice = [received for received in heard for _ in range(2)]
    # in the log before anybody reads: whichever topic is read first, the other's facts must wait
    await streams.produce(twice)
    async with streams.running():
        asset = await catalog.until(story.asset_id, State.READY, within=40)
        # the upload's facts and the name were handled twice; of those that waited, each waited once
        await eventually(lambda: catalog.ways_in.outcomes("duplicate") >= 3, timeout=20)
        await eventually(lambda: catalog.ways_in.outcomes("applied") >= len(heard), timeout=20)
    assert len(asset.renditions) == 2
    assert catalog.ways_in.outcomes("applied") == len(heard)
    written = await catalog.types()
    assert written.count("asset.ready") == written.count("asset.registered") == 1
    outbox = (await catalog.tables())["outbox"]
    for row in outbox:
        headers = [(name, str(value).encode()) for name, value in row["headers"].items()]
        assert decode(row["key"].encode(), headers, row["payload"]).event is not None


def in_one_order(asset: Asset) -> Asset:
    """The database has its own order of renditions."""
    made = tuple(sorted(asset.renditions, key=lambda item: item.name))
    return replace(asset, applied=dict(asset.applied), renditions=made)


async def test_a_history_read_backwards_and_twice_ends_in_the_same_rows(
    catalog: RealCatalog, infra: Stack
) -> None:
    kafka = KafkaSettings(bootstrap=infra.env["REPRISE_KAFKA_BOOTSTRAP"])
    streams = Streams(kafka, catalog, ["catalog.uploads", "catalog.renditions", "catalog.purges"])
    story = Story(clock=SystemClock())
    history = [*story.to_ready(), story.flagged(), story.object_purged(), story.purged()]
    await streams.produce([*reversed(history), *history])
    async with streams.running():
        asset = await catalog.until(story.asset_id, State.PURGED, within=60)
        await eventually(lambda: catalog.ways_in.outcomes("applied") >= len(history), timeout=20)

    straight = MemoryCatalog()
    await WaysIn(straight).hear(history)
    assert in_one_order(asset) == in_one_order(straight.rows[story.asset_id])
    facts = [name for name in types(straight.outbox) if name.startswith("asset.")]
    assert [name for name in await catalog.types() if name.startswith("asset.")] == facts
