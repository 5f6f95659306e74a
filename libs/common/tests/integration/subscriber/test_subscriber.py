import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient
from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import BatchSubscriber
from libs.common.tests.integration.records import fact, fresh_topic, sender_for, sequences

from common import failpoints
from common.errors import Corrupt, Unavailable
from common.events import Received
from common.events.record import SourceRecord
from common.events.topics import DETAILS, Topic, dead_letter_topic
from common.ids import new_asset_id
from common.kafka.broker import build_broker
from common.kafka.topics import apply
from common.postgres.inbox import first_time
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.intake import Intake
from common.subscriber.lane import Lane
from common.subscriber.loop import run_consumers
from common.subscriber.subscriber import ReliableSubscriber
from common.telemetry.metrics import Metrics
from common.telemetry.tracing import current_traceparent
from common.testing.kafka import Record, read_all, unique
from common.testing.postgres import ScratchSchema
from common.testing.waiting import eventually
from common.web.loops import Loop

pytestmark = pytest.mark.integration

GROUP = "catalog.uploads"
Headers = Sequence[tuple[str, bytes | None]]


async def consume(loop: Loop, stop: asyncio.Event) -> None:
    await loop(stop)


class Scene:
    """One consumer group on a topic of its own; `seen` is what its effects were."""

    def __init__(self, kafka: KafkaSettings, topic: Topic) -> None:
        self.kafka, self.topic, self.group = kafka, topic, unique(GROUP)
        self.dead_topic = dead_letter_topic(topic, self.group)
        self.metrics = Metrics("catalog")
        self.seen: list[int] = []
        self.calls = 0
        self.act: Callable[[Received], None] = lambda _: None
        self.brokers: list[KafkaBroker] = []

    async def handle(self, received: Received) -> None:
        self.calls += 1
        self.act(received)
        self.seen.append(received.envelope.sequence)

    @asynccontextmanager
    async def consuming(self, *, unknown: bool = False) -> AsyncIterator[None]:
        stop = asyncio.Event()
        async with DeadLetters(self.kafka, "catalog") as dead_letters:
            lane = Lane(
                self.group, self.topic, self.handle, dead_letters, self.metrics, unknown=unknown
            )

            def build() -> tuple[KafkaBroker, list[ReliableSubscriber]]:
                broker = build_broker(self.kafka, "catalog")
                self.brokers.append(broker)
                return broker, [ReliableSubscriber(broker, lane)]

            async with asyncio.TaskGroup() as group:
                group.create_task(consume(run_consumers(self.kafka, build), stop))
                yield
                stop.set()

    async def send(self, *messages_sequences: int) -> None:
        asset = new_asset_id()
        async with sender_for(self.kafka, self.topic, unique("relay"))() as sender:
            await sender.send_batch([fact(asset, n, self.topic) for n in messages_sequences])

    async def send_raw(self, value: bytes | None, headers: Headers, key: bytes = b"k") -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap)
        await producer.start()
        try:
            await producer.send_and_wait(
                self.topic.name, value, key=key, headers=headers, partition=0
            )
        finally:
            await producer.stop()

    async def committed(self) -> int:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(self.group)
            return sum(at.offset for at in offsets.values() if at.offset > 0)
        finally:
            await admin.close()

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"group": self.group} | labels)


@pytest.fixture
async def scene(kafka: KafkaSettings) -> Scene:
    topic = await fresh_topic(kafka)
    made = Scene(kafka, topic)
    await apply(kafka, [made.dead_topic])
    return made


async def test_a_new_group_begins_at_the_first_record_in_order(scene: Scene) -> None:
    await scene.send(1, 2, 3)
    async with scene.consuming():
        await eventually(lambda: len(scene.seen) == 3)
        await scene.send(4)
        await eventually(lambda: len(scene.seen) == 4)

    assert scene.seen == [1, 2, 3, 4]


async def test_the_offset_is_committed_after_the_effect_only(scene: Scene) -> None:
    await scene.send(1)
    outage = True

    def act(_: Received) -> None:
        if outage:
            raise Unavailable("no database")

    scene.act = act
    async with scene.consuming():
        await eventually(lambda: scene.calls >= 3)
        assert await scene.committed() == 0
        outage = False
        await eventually(lambda: scene.seen == [1])

    assert await scene.committed() > 0


async def test_an_effect_without_its_commit_comes_again(scene: Scene) -> None:
    await scene.send(1, 2)
    failpoints.activate("consumer.after_effect=raise")
    try:
        async with scene.consuming():
            await eventually(lambda: len(scene.seen) >= 1)
    finally:
        failpoints.clear()
    first = list(scene.seen)
    assert set(first) == {1}

    async with scene.consuming():
        await eventually(lambda: scene.seen[-1] == 2)

    assert scene.seen == [*first, 1, 2]


async def test_an_event_delivered_twice_has_one_effect(scene: Scene, schema: ScratchSchema) -> None:
    effects: list[int] = []

    async def handle(received: Received) -> None:
        async with schema.database.write() as session:
            if await first_time(session, GROUP, received.envelope.id):
                effects.append(received.envelope.sequence)
        scene.seen.append(received.envelope.sequence)

    scene.handle = handle  # type: ignore[method-assign]
    twice = fact(new_asset_id(), 1, scene.topic)
    async with sender_for(scene.kafka, scene.topic, unique("relay"))() as sender:
        await sender.send_batch([twice])
        await sender.send_batch([twice])

    async with scene.consuming():
        await eventually(lambda: len(scene.seen) == 2)

    assert effects == [1]


async def test_a_record_with_garbage_headers_is_a_dead_letter_and_stops_nobody(
    scene: Scene,
) -> None:
    headers: Headers = [("ce_id", b"\xff\xfe"), ("other", b"\x80"), ("nothing", None)]
    await scene.send_raw(b"not ours", headers)
    await scene.send(1)

    async with scene.consuming():
        await eventually(lambda: scene.seen == [1])
        (dead,) = await read_all(scene.kafka, scene.dead_topic, until=lambda found: len(found) == 1)

    assert (dead.key, dead.value) == (b"k", b"not ours")
    assert list(dead.headers)[:3] == headers
    why = dict(dead.headers)
    assert why["dlq_reason"] == b"bad_envelope"
    assert why["dlq_topic"] == scene.topic.name.encode()
    assert why["dlq_group"] == scene.group.encode()
    assert (why["dlq_partition"], why["dlq_offset"]) == (b"0", b"0")
    assert scene.sample("media_dlq_records_total", reason="bad_envelope") == 1


async def test_a_bad_payload_is_a_dead_letter_that_keeps_its_bytes(scene: Scene) -> None:
    message = fact(new_asset_id(), 1, scene.topic)
    for value in (b"{", b'{"asset_id": 7}', b"\xff"):
        await scene.send_raw(value, message.headers())
    await scene.send(2)

    async with scene.consuming():
        await eventually(lambda: scene.seen == [2])
        dead = await read_all(scene.kafka, scene.dead_topic, until=lambda found: len(found) == 3)

    assert [record.value for record in dead] == [b"{", b'{"asset_id": 7}', b"\xff"]
    assert {dict(record.headers)["dlq_reason"] for record in dead} == {b"bad_payload"}
    assert sequences(dead) == [1, 1, 1]


async def test_what_can_never_succeed_is_a_dead_letter_at_once(scene: Scene) -> None:
    def act(received: Received) -> None:
        if received.envelope.sequence == 1:
            raise Corrupt("it contradicts itself", code="impossible")

    scene.act = act
    await scene.send(1, 2)
    async with scene.consuming():
        await eventually(lambda: scene.seen == [2])

    assert scene.calls == 2
    assert scene.sample("media_dlq_records_total", reason="impossible") == 1


async def test_a_surprise_is_tried_five_times(scene: Scene) -> None:
    def act(received: Received) -> None:
        if received.envelope.sequence == 1:
            raise ZeroDivisionError

    scene.act = act
    await scene.send(1, 2)
    async with scene.consuming():
        await eventually(lambda: scene.seen == [2])

    assert scene.calls == 6
    assert scene.sample("media_dlq_records_total", reason="unexpected") == 1


async def test_a_record_that_holds_names_never_enters_a_dead_letter(kafka: KafkaSettings) -> None:
    scene = Scene(kafka, await fresh_topic(kafka, DETAILS))
    await scene.send_raw(b"a file name", [])
    await scene.send(1)

    async with scene.consuming():
        await eventually(lambda: scene.seen == [1])

    assert scene.sample("media_dlq_records_total", reason="bad_envelope") == 1


async def test_an_unknown_type_is_skipped_and_counted_unless_asked_for(scene: Scene) -> None:
    message = fact(new_asset_id(), 1, scene.topic)
    newer = [(k, b"reprise.new.thing.v9" if k == "ce_type" else v) for k, v in message.headers()]
    await scene.send_raw(b"{}", newer)
    await scene.send(2)

    async with scene.consuming():
        await eventually(lambda: scene.seen == [2])
    assert scene.sample("media_consumer_unknown_total") == 1

    scene.group, scene.seen = unique(GROUP), []
    async with scene.consuming(unknown=True):
        await eventually(lambda: sorted(scene.seen) == [1, 2])


async def test_a_tombstone_reaches_the_handler_without_an_event(scene: Scene) -> None:
    events: list[object] = []
    scene.act = lambda received: events.append(received.event)
    await scene.send_raw(None, fact(new_asset_id(), 1, scene.topic).headers())

    async with scene.consuming():
        await eventually(lambda: len(scene.seen) == 1)

    assert events == [None]


async def test_a_handler_runs_in_the_trace_that_was_stored(scene: Scene) -> None:
    traces: list[str | None] = []
    scene.act = lambda _: traces.append(current_traceparent())
    stored = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    message = fact(new_asset_id(), 1, scene.topic, traceparent=stored)
    async with sender_for(scene.kafka, scene.topic, unique("relay"))() as sender:
        await sender.send_batch([message])

    async with scene.consuming():
        await eventually(lambda: len(scene.seen) == 1)

    assert "0af7651916cd43dd8448eb211c80319c" in str(traces[0])


async def test_stopping_in_the_middle_of_an_outage_is_quick_and_loses_nothing(
    scene: Scene,
) -> None:
    def act(_: Received) -> None:
        raise Unavailable("no database")

    scene.act = act
    await scene.send(1)
    async with asyncio.timeout(10):
        async with scene.consuming():
            await eventually(lambda: scene.calls >= 4)

    scene.act = lambda _: None
    async with scene.consuming():
        await eventually(lambda: scene.seen == [1])


async def test_what_was_done_of_a_batch_is_kept_when_the_process_ends_in_its_middle(
    scene: Scene,
) -> None:
    def act(received: Received) -> None:
        if received.envelope.sequence == 2:
            raise Unavailable("no database")

    scene.act = act
    await scene.send(1, 2, 3)
    async with scene.consuming():
        await eventually(lambda: scene.calls >= 3)

    scene.act = lambda _: None
    async with scene.consuming():
        await eventually(lambda: 3 in scene.seen)

    assert scene.seen == [1, 2, 3]


async def test_a_batch_that_breaks_outside_its_handler_is_read_again_not_passed_over(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks = [RuntimeError("nobody foresaw this")]
    whole = Intake.take

    async def take(self: Intake, found: SourceRecord) -> None:
        if scene.seen and breaks:
            raise breaks.pop()
        await whole(self, found)

    monkeypatch.setattr(Intake, "take", take)
    await scene.send(1, 2, 3)
    async with scene.consuming():
        await eventually(lambda: 3 in scene.seen)

    assert scene.seen == [1, 2, 3]


async def test_a_time_without_a_zone_costs_no_other_record(scene: Scene) -> None:
    headers = fact(new_asset_id(), 1, scene.topic).headers()
    naive = [(k, b"2026-01-01T00:00:00" if k == "ce_time" else v) for k, v in headers]
    await scene.send_raw(b"{}", naive)
    await scene.send(2)

    async with scene.consuming():
        await eventually(lambda: scene.seen == [2])
    assert scene.sample("media_dlq_records_total", reason="bad_envelope") == 1


async def test_a_dead_letter_producer_that_died_is_replaced(scene: Scene) -> None:
    record = unkeyed(scene.topic)
    async with DeadLetters(scene.kafka, "catalog") as letters:

        async def put() -> None:
            await letters.put(record, scene.topic, scene.group, reason="r", detail="d")

        await put()
        assert letters._producer is not None
        await letters._producer.stop()
        with pytest.raises(Unavailable):
            await put()
        await put()

    dead = await read_all(scene.kafka, scene.dead_topic, until=lambda found: len(found) == 2)
    assert [(found.key, found.value) for found in dead] == [(b"", None)] * 2


def unkeyed(topic: Topic) -> Record:
    """A record with neither key nor value, as other clients may write."""
    return ConsumerRecord(topic.name, 0, 0, 0, 0, None, None, None, -1, -1, ())


async def test_a_consumer_whose_client_fetches_no_more_is_replaced(scene: Scene) -> None:
    """As after a broker was killed: it keeps its partitions, and says nothing."""
    await scene.send(1)
    async with scene.consuming():
        await eventually(lambda: scene.seen == [1])
        (consumer,) = [cast("BatchSubscriber", o).consumer for o in scene.brokers[0].subscribers]
        assert consumer is not None
        assert consumer._fetcher is not None
        consumer._fetcher.error_future.cancel()
        await scene.send(2)
        await eventually(lambda: scene.seen == [1, 2])
    assert len(scene.brokers) == 2


async def test_consumers_wait_for_their_topic_to_exist(kafka: KafkaSettings) -> None:
    topic = await fresh_topic(kafka)
    later = Scene(kafka, Topic(unique("later"), topic.producers, "k", "delete", 1))
    async with later.consuming():
        assert later.sample("media_consumer_running") == 0
        await apply(kafka, [later.topic])
        await later.send(1)
        await eventually(lambda: later.seen == [1])
        assert later.sample("media_consumer_running") == 1
    assert later.sample("media_consumer_running") == 0


async def test_two_instances_share_the_partitions_and_miss_nothing(scene: Scene) -> None:
    assets = [new_asset_id() for _ in range(24)]
    async with scene.consuming(), scene.consuming():
        async with sender_for(scene.kafka, scene.topic, unique("relay"))() as sender:
            for n in range(1, 6):
                await sender.send_batch([fact(asset, n, scene.topic) for asset in assets])
        await eventually(lambda: len(scene.seen) >= 120)

    assert sorted(set(scene.seen)) == [1, 2, 3, 4, 5]
