"""The broker dies under a running relay and consumer: nothing is lost, order per key is kept."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from faststream.kafka import KafkaBroker
from libs.common.tests.integration.records import SERVICE, append_all, fact, fresh_topic, sender_for

from common.clock import SystemClock
from common.events import Received
from common.events.topics import Topic
from common.ids import new_asset_id
from common.kafka.broker import build_broker
from common.postgres.outbox import PostgresOutboxSource
from common.postgres.schema import INBOX_V1, OUTBOX_V1, OUTBOX_V2
from common.relay.relay import Relay
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lane import Lane
from common.subscriber.loop import run_consumers
from common.subscriber.subscriber import ReliableSubscriber
from common.telemetry.metrics import Metrics
from common.testing.kafka import unique
from common.testing.postgres import ScratchSchema, scratch
from common.testing.waiting import eventually
from devstack.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

KEYS = 8
KILLS = 3
BETWEEN = 200  # records heard between two kills
PATIENCE = 60  # seconds for the broker's return to be felt at both ends


@dataclass
class Scene:
    """A service's outbox, its relay, and one consumer of what the relay publishes."""

    schema: ScratchSchema
    kafka: KafkaSettings
    topic: Topic
    heard: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    written: dict[UUID, int] = field(default_factory=dict)
    group: str = field(default_factory=lambda: unique("catalog.uploads"))

    async def hear(self, received: Received) -> None:
        self.heard[received.key].append(received.envelope.sequence)

    def relay(self) -> Relay:
        return Relay(
            PostgresOutboxSource(self.schema.url, "any", schema=self.schema.name),
            sender_for(self.kafka, self.topic, unique("relay")),
            service=SERVICE,
            clock=SystemClock(),
            metrics=Metrics(SERVICE),
            wake=self.schema.database.wake("outbox"),
            batch=50,
        )

    def build(self) -> tuple[KafkaBroker, list[ReliableSubscriber]]:
        broker = build_broker(self.kafka, "catalog")
        letters = DeadLetters(self.kafka, "catalog")
        lane = Lane(self.group, self.topic, self.hear, letters, Metrics("catalog"))
        return broker, [ReliableSubscriber(broker, lane)]

    async def consume(self, stop: asyncio.Event) -> None:
        await run_consumers(self.kafka, self.build)(stop)

    async def write(self, stop: asyncio.Event) -> None:
        assets = [new_asset_id() for _ in range(KEYS)]
        while not stop.is_set():
            for asset in assets:
                sequence = self.written.get(asset, 0) + 1
                await append_all(self.schema.database, [fact(asset, sequence, self.topic)])
                self.written[asset] = sequence

    async def more(self, records: int) -> None:
        """Wait until that many more are heard: relay and consumer are at work again."""
        wanted = self.total() + records
        await eventually(lambda: self.total() >= wanted, timeout=PATIENCE)

    def total(self) -> int:
        return sum(map(len, self.heard.values()))

    def all_heard(self) -> bool:
        return all(
            self.heard[str(asset)] and max(self.heard[str(asset)]) == last
            for asset, last in self.written.items()
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.relay().loop(stop))
            group.create_task(self.consume(stop))
            yield
            stop.set()


@pytest.fixture
async def scene(infra: Stack) -> AsyncIterator[Scene]:
    kafka = KafkaSettings(bootstrap=infra.env["REPRISE_KAFKA_BOOTSTRAP"])
    topic = await fresh_topic(kafka)
    url = infra.env["REPRISE_POSTGRES_ADMIN_URL"]
    async with scratch(url, ddl=[*OUTBOX_V1, *OUTBOX_V2, *INBOX_V1]) as schema:
        yield Scene(schema, kafka, topic)


async def test_a_broker_killed_again_and_again_loses_nothing_and_keeps_the_order(
    scene: Scene, infra: Stack
) -> None:
    enough = asyncio.Event()
    async with scene.running(), asyncio.TaskGroup() as group:
        group.create_task(scene.write(enough))
        for _ in range(KILLS):
            await scene.more(BETWEEN)
            infra.kill("kafka")
            await asyncio.to_thread(infra.start_process, "kafka")
        await scene.more(BETWEEN)
        enough.set()
        await eventually(scene.all_heard, timeout=PATIENCE)

    for asset, last in scene.written.items():
        # what came twice came after its first time, and the first times are in order
        assert list(dict.fromkeys(scene.heard[str(asset)])) == list(range(1, last + 1))
