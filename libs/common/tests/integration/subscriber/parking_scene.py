"""A consumer group on a topic, a broker and a schema of its own, in as many processes as asked for.

What a "process" here is: a consumer, a retrier and a connection pool, in a task of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from faststream.kafka import KafkaBroker
from libs.common.tests.integration.records import fact, fresh_topic

from common.errors import Unavailable
from common.events import Received
from common.events.topics import Topic, dead_letter_topic
from common.kafka.broker import build_broker
from common.kafka.topics import apply
from common.postgres.engine import open_engine
from common.postgres.fuse import PostgresFuse
from common.postgres.inbox import first_time
from common.postgres.parked import PostgresParking
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.groups import describe_groups
from common.subscriber.lane import HandleMany, Lane
from common.subscriber.loop import run_consumers
from common.subscriber.retrier import Retrier
from common.subscriber.subscriber import ReliableSubscriber
from common.telemetry.metrics import Metrics
from common.testing.kafka import unique
from common.testing.postgres import ScratchSchema
from common.web.loops import Loop

GROUP = "catalog.uploads"


@dataclass
class Process:
    """One running consumer of the group."""

    lane: Lane
    stop: asyncio.Event
    tasks: list[asyncio.Task[None]]

    async def end(self) -> None:
        """As SIGTERM does: told to stop, then waited for."""
        self.stop.set()
        await asyncio.gather(*self.tasks)


@dataclass
class Scene:
    """`effects` are what was committed, in order; `errors` are raised for (key, sequence)."""

    kafka: KafkaSettings
    schema: ScratchSchema
    topic: Topic
    group: str = field(default_factory=lambda: unique(GROUP))
    metrics: Metrics = field(default_factory=lambda: Metrics("catalog"))
    effects: list[tuple[str, int]] = field(default_factory=list)
    calls: list[tuple[str, int]] = field(default_factory=list)
    errors: dict[tuple[str, int], Exception] = field(default_factory=dict)
    seconds: float = 0.0  # a handler takes
    handle_many: HandleMany | None = None

    @classmethod
    async def on(cls, kafka: KafkaSettings, schema: ScratchSchema) -> "Scene":
        scene = cls(kafka, schema, await fresh_topic(kafka))
        await apply(kafka, [scene.dead_topic])
        return scene

    @property
    def dead_topic(self) -> Topic:
        return dead_letter_topic(self.topic, self.group)

    @property
    def parking(self) -> PostgresParking:
        return PostgresParking(self.schema.database, self.group)

    @property
    def fuse(self) -> PostgresFuse:
        return PostgresFuse(self.schema.database)

    async def handle(self, received: Received) -> None:
        """An effect that happens once, in the transaction of its inbox row."""
        place = received.key, received.envelope.sequence
        self.calls.append(place)
        if place in self.errors:
            raise self.errors[place]
        await asyncio.sleep(self.seconds)
        async with self.schema.database.write() as session:
            first = await first_time(session, self.group, received.envelope.id)
        if first:
            self.effects.append(place)

    def of(self, asset: UUID) -> list[int]:
        """The effects of one key."""
        return [sequence for key, sequence in self.effects if key == str(asset)]

    async def send(self, *facts: tuple[UUID, int], partition: int | None = None) -> None:
        async with self.producer() as producer:
            for asset, sequence in facts:
                message = fact(asset, sequence, self.topic)
                await producer.send(
                    self.topic.name,
                    message.payload,
                    key=message.key.encode(),
                    headers=message.headers(),
                    partition=partition,
                )
            await producer.flush()

    async def send_raw(
        self, value: bytes | None, headers: Sequence[tuple[str, bytes | None]], key: bytes
    ) -> None:
        async with self.producer() as producer:
            await producer.send_and_wait(self.topic.name, value, key=key, headers=headers)

    @asynccontextmanager
    async def producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap)
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        async with AsyncExitStack() as stack:
            dead = await stack.enter_async_context(DeadLetters(self.kafka, "catalog"))
            pool = await stack.enter_async_context(
                open_engine(self.schema.settings, schema=self.schema.name)
            )
            lane = Lane(
                self.group, self.topic, self.handle, dead, self.metrics,
                parking=PostgresParking(pool, self.group), fuse=PostgresFuse(pool),
                handle_many=self.handle_many,
            )  # fmt: skip
            process = Process(lane, asyncio.Event(), [])
            loops = [self._consumer(lane), Retrier([lane]).loop]
            process.tasks = [asyncio.ensure_future(loop(process.stop)) for loop in loops]
            try:
                yield process
            finally:
                await process.end()

    def _consumer(self, lane: Lane) -> Loop:
        def build() -> tuple[KafkaBroker, list[ReliableSubscriber]]:
            broker = build_broker(self.kafka, "catalog")
            return broker, [ReliableSubscriber(broker, lane, session_timeout=10)]

        return run_consumers(self.kafka, build)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def committed(self) -> int:
        """Records the group has committed; the topic has no transaction markers."""
        async with self.admin() as admin:
            try:
                offsets = await admin.list_consumer_group_offsets(self.group)
            except GroupCoordinatorNotAvailableError:
                return 0
            return sum(at.offset for at in offsets.values() if at.offset > 0)

    async def has_members(self, wanted: int) -> bool:
        """Whether that many processes share the partitions now."""
        try:
            async with self.admin() as admin:
                state = (await describe_groups(admin, [self.group]))[self.group]
        except Unavailable:
            return False  # a fresh broker has no coordinator for a moment
        return state.phase == "stable" and len(state.members) == wanted

    async def has_committed(self, wanted: int) -> bool:
        """Whether that many records are committed."""
        return await self.committed() >= wanted

    async def has_parked(self, wanted: int) -> bool:
        """Whether exactly that many keys wait."""
        return await self.parking.count() == wanted

    async def is_paused(self) -> bool:
        """Whether the group's row says that it failed too often."""
        return await self.fuse.paused(self.group) == "failures"
