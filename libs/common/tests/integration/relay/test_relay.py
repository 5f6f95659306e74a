import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from faststream.kafka import KafkaBroker
from libs.common.tests.integration.records import (
    SERVICE,
    append_all,
    fact,
    fresh_topic,
    sender_for,
    sequences,
)
from sqlalchemy import text
from typing_extensions import override

from common.clock import SystemClock
from common.events import Message, Received, Watermark, decode
from common.events.topics import UPLOADS, WATERMARKS, Topic
from common.ids import new_asset_id
from common.kafka.broker import build_broker
from common.kafka.topics import apply
from common.postgres import leader
from common.postgres.outbox import PostgresOutboxSource
from common.relay.port import OutboxSource
from common.relay.relay import Relay
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lane import Lane
from common.subscriber.loop import run_consumers
from common.subscriber.subscriber import ReliableSubscriber
from common.telemetry.metrics import Metrics
from common.telemetry.tracing import current_ids
from common.testing.kafka import Record, read_all, scratch_topic, unique
from common.testing.postgres import ScratchSchema
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

TRACE = "0af7651916cd43dd8448eb211c80319c"


class HeldSource(PostgresOutboxSource):
    """Stops after a fetch, as a process does that is frozen between its check and its send."""

    def __init__(self, url: str, schema: str) -> None:
        super().__init__(url, "any", schema=schema)
        self.fetched, self.go_on, self.hold = asyncio.Event(), asyncio.Event(), False

    @override
    async def fetch(
        self, limit: int, max_bytes: int
    ) -> tuple[list[tuple[int, Message]], datetime, bool]:
        fetched = await super().fetch(limit, max_bytes)
        if self.hold and fetched[0]:
            self.fetched.set()
            await self.go_on.wait()
            self.hold = False
        return fetched


class Scene:
    """One service's outbox, its topic, and relays that run beside each other as processes would."""

    def __init__(self, schema: ScratchSchema, kafka: KafkaSettings, topic: Topic) -> None:
        self.schema, self.kafka, self.topic = schema, kafka, topic
        self.transactional_id = unique("relay")

    def source(self) -> PostgresOutboxSource:
        return PostgresOutboxSource(self.schema.url, "any", schema=self.schema.name)

    def relay(
        self, source: OutboxSource, metrics: Metrics | None = None, batch: int = 1000
    ) -> Relay:
        return Relay(
            source,
            sender_for(self.kafka, self.topic, self.transactional_id),
            service=SERVICE,
            clock=SystemClock(),
            metrics=metrics or Metrics(SERVICE),
            wake=self.schema.database.wake("outbox"),
            batch=batch,
        )

    @asynccontextmanager
    async def running(self, relay: Relay) -> AsyncIterator[asyncio.Task[None]]:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(relay.loop(stop))
            yield task
            stop.set()

    async def end_leaders_session(self) -> None:
        async with self.schema.database.write() as session:
            await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = :name"
                ),
                {"name": f"reprise-{self.schema.name}-relay"},
            )

    async def drained(self) -> bool:
        async with self.schema.database.read() as session:
            sql = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
            return bool(await session.scalar(text(sql)) == 0)


@pytest.fixture
async def scene(schema: ScratchSchema, kafka: KafkaSettings) -> Scene:
    return Scene(schema, kafka, await fresh_topic(kafka))


async def test_what_is_committed_arrives_in_order_and_is_marked(scene: Scene) -> None:
    assets = [new_asset_id() for _ in range(5)]
    async with scene.running(scene.relay(scene.source(), batch=7)):
        for n in range(1, 11):
            await append_all(
                scene.schema.database, [fact(asset, n, scene.topic) for asset in assets]
            )
        records = await read_all(scene.kafka, scene.topic, until=lambda found: len(found) == 50)
        await eventually(scene.drained)

    for asset in assets:
        assert sequences(records, asset) == list(range(1, 11))


async def test_order_per_key_survives_the_death_of_the_leader(scene: Scene) -> None:
    asset = new_asset_id()
    first = scene.relay(scene.source(), batch=20)
    second = scene.relay(scene.source(), batch=20)
    async with scene.running(second), scene.running(first):
        for n in range(1, 201):
            await append_all(scene.schema.database, [fact(asset, n, scene.topic)])
            if n == 100:
                await scene.end_leaders_session()
        records = await read_all(
            scene.kafka, scene.topic, until=lambda found: 200 in sequences(found)
        )

    seen: list[int] = []
    for sequence in sequences(records):
        # a batch may come again from where it began, never with a hole
        assert sequence <= len(seen) + 1
        seen += [sequence] if sequence == len(seen) + 1 else []
    assert seen == list(range(1, 201))


async def test_a_frozen_leader_is_fenced_and_ends_as_standby(scene: Scene) -> None:
    asset = new_asset_id()
    metrics = Metrics(SERVICE)
    frozen = HeldSource(scene.schema.url, scene.schema.name)
    async with scene.running(scene.relay(frozen, metrics)):
        await append_all(scene.schema.database, [fact(asset, 1, scene.topic)])
        await read_all(scene.kafka, scene.topic, until=lambda found: len(found) == 1)
        frozen.hold = True
        await append_all(scene.schema.database, [fact(asset, 2, scene.topic)])
        await frozen.fetched.wait()
        await scene.end_leaders_session()

        async with scene.running(scene.relay(scene.source())):
            await read_all(scene.kafka, scene.topic, until=lambda found: len(found) == 2)
            await append_all(scene.schema.database, [fact(asset, 3, scene.topic)])
            await read_all(scene.kafka, scene.topic, until=lambda found: len(found) == 3)
            frozen.go_on.set()
            await eventually(
                lambda: metrics.registry.get_sample_value("media_relay_fenced_total") == 1
            )
            await eventually(lambda: metrics.registry.get_sample_value("media_relay_leader") == 0)
            await append_all(scene.schema.database, [fact(asset, 4, scene.topic)])
            records = await read_all(scene.kafka, scene.topic, until=lambda found: len(found) == 4)

    assert sequences(records) == [1, 2, 3, 4]


async def test_a_fenced_leader_that_still_holds_the_lock_goes_on(scene: Scene) -> None:
    asset = new_asset_id()
    async with scene.running(scene.relay(scene.source())):
        await append_all(scene.schema.database, [fact(asset, 1, scene.topic)])
        await read_all(scene.kafka, scene.topic, until=lambda found: len(found) == 1)
        async with sender_for(scene.kafka, scene.topic, scene.transactional_id)():
            pass  # somebody took the id and went away
        await append_all(scene.schema.database, [fact(asset, 2, scene.topic)])
        records = await read_all(scene.kafka, scene.topic, until=lambda found: len(found) == 2)

    assert sequences(records) == [1, 2]


async def test_of_two_relays_one_flushes_and_nothing_is_doubled_or_out_of_order(
    scene: Scene,
) -> None:
    """No lock is let go around a flush: the second relay waits however often it asks."""
    assets = [new_asset_id() for _ in range(20)]
    told = [Metrics(SERVICE), Metrics(SERVICE)]
    seen: set[tuple[float, float]] = set()

    async def write(asset: UUID) -> None:
        for n in range(1, 26):
            await append_all(scene.schema.database, [fact(asset, n, scene.topic)])
            seen.add((sample(told[0], "media_relay_leader"), sample(told[1], "media_relay_leader")))

    async with (
        scene.running(scene.relay(scene.source(), told[0], batch=10)),
        scene.running(scene.relay(scene.source(), told[1], batch=10)),
    ):
        async with asyncio.TaskGroup() as group:
            for asset in assets:
                group.create_task(write(asset))
        await eventually(scene.drained)
        records = await read_all(scene.kafka, scene.topic, until=lambda found: len(found) >= 500)

    assert len(records) == 500
    assert all(sequences(records, asset) == list(range(1, 26)) for asset in assets)
    assert (1.0, 1.0) not in seen
    published = sorted(sample(each, "media_outbox_published_total") for each in told)
    assert published == [0, 500]


async def test_a_leader_whose_process_stands_still_is_followed_and_fenced(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends the idle session that holds its lock: nobody has to find out otherwise."""
    monkeypatch.setattr(leader, "IDLE_TIMEOUT_MS", 5_000)  # a sender may take 2 s to open
    asset = new_asset_id()
    told = Metrics(SERVICE)
    stuck = HeldSource(scene.schema.url, scene.schema.name)
    stuck.hold = True
    await append_all(scene.schema.database, [fact(asset, 1, scene.topic)])
    async with scene.running(scene.relay(stuck, told)):
        await stuck.fetched.wait()
        monkeypatch.undo()  # for the other, which may have to wait for a busy broker
        async with scene.running(scene.relay(scene.source())):
            await read_all(scene.kafka, scene.topic, until=lambda found: len(found) == 1)
            stuck.go_on.set()
            await eventually(lambda: sample(told, "media_relay_leader") == 0)
            await append_all(scene.schema.database, [fact(asset, 2, scene.topic)])
            records = await read_all(scene.kafka, scene.topic, until=lambda found: len(found) == 2)

    assert sequences(records) == [1, 2]
    assert sample(told, "media_relay_fenced_total") == 1


async def test_a_relay_waits_for_a_missing_topic_and_says_so(scene: Scene) -> None:
    told = Metrics(SERVICE)
    there, scene.topic = scene.topic, scratch_topic(UPLOADS)
    await append_all(scene.schema.database, [fact(new_asset_id(), 1, scene.topic)])

    async with scene.running(scene.relay(scene.source(), told)):
        await eventually(lambda: sample(told, "media_relay_topics_missing") == 1)
        await eventually(lambda: sample(told, "media_outbox_pending_rows") == 1)
        await apply(scene.kafka, [scene.topic, WATERMARKS])
        await read_all(scene.kafka, scene.topic, until=lambda found: len(found) == 1)
        await eventually(lambda: sample(told, "media_relay_topics_missing") == 0)

    assert there != scene.topic


async def test_a_consumer_goes_on_in_the_trace_that_was_stored_with_the_fact(
    scene: Scene,
) -> None:
    trace = f"00-{TRACE}-b7ad6b7169203331-01"
    heard: list[tuple[str | None, str | None]] = []

    async def hear(received: Received) -> None:
        heard.append((received.envelope.traceparent, current_ids().get("trace_id")))

    def build() -> tuple[KafkaBroker, list[ReliableSubscriber]]:
        broker = build_broker(scene.kafka, "catalog")
        letters = DeadLetters(scene.kafka, "catalog")
        lane = Lane(unique("catalog.uploads"), scene.topic, hear, letters, Metrics("catalog"))
        return broker, [ReliableSubscriber(broker, lane)]

    stop = asyncio.Event()

    async def consume() -> None:
        await run_consumers(scene.kafka, build)(stop)

    async with scene.running(scene.relay(scene.source())), asyncio.TaskGroup() as group:
        group.create_task(consume())
        await append_all(
            scene.schema.database, [fact(new_asset_id(), 1, scene.topic, traceparent=trace)]
        )
        await eventually(lambda: bool(heard), timeout=20)
        stop.set()

    assert heard == [(trace, TRACE)]


async def test_the_watermark_covers_only_what_is_in_kafka(scene: Scene) -> None:
    began = datetime.now(UTC)  # noqa: TID251 (compared with the database's clock on one machine)
    asset = new_asset_id()
    await append_all(scene.schema.database, [fact(asset, n, scene.topic) for n in range(1, 4)])

    async with scene.running(scene.relay(scene.source(), batch=2)):
        records = await read_all(
            scene.kafka,
            WATERMARKS,
            until=lambda found: bool(found) and _at(found[-1]) > began,
        )

    marks = [record for record in records if _at(record) > began - timedelta(seconds=5)]
    assert await scene.drained()
    assert all(record.key == SERVICE.encode() for record in marks)


async def test_without_kafka_rows_wait_and_are_counted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics(SERVICE)
    there, scene.kafka = scene.kafka, KafkaSettings(bootstrap="127.0.0.1:9")
    relay = scene.relay(scene.source(), metrics)
    await append_all(scene.schema.database, [fact(new_asset_id(), 1, scene.topic)])

    async with scene.running(relay):
        await eventually(
            lambda: metrics.registry.get_sample_value("media_outbox_pending_rows") == 1
        )
        assert metrics.registry.get_sample_value("media_relay_leader") == 1
        monkeypatch.setattr(
            relay, "_sender_factory", sender_for(there, scene.topic, scene.transactional_id)
        )
        await read_all(there, scene.topic, until=lambda found: len(found) == 1)


async def test_a_relay_outlives_an_outage_of_its_database(scene: Scene) -> None:
    asset = new_asset_id()
    async with scene.running(scene.relay(scene.source())) as task:
        await append_all(scene.schema.database, [fact(asset, 1, scene.topic)])
        await read_all(scene.kafka, scene.topic, until=lambda found: len(found) == 1)
        for _ in range(3):
            await scene.end_leaders_session()
        await append_all(scene.schema.database, [fact(asset, 2, scene.topic)])
        await read_all(scene.kafka, scene.topic, until=lambda found: 2 in sequences(found))
        assert not task.done()


def sample(metrics: Metrics, name: str) -> float:
    return metrics.registry.get_sample_value(name) or 0.0


def _at(record: Record) -> datetime:
    event = decode(record.key, record.headers, record.value).event
    assert isinstance(event, Watermark)
    return event.at
