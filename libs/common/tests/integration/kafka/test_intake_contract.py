"""What our consumers rely on in FastStream and aiokafka, on the real broker (events.md 1.4-1.6).

A version of theirs that behaves otherwise has to fail here, and not by losing a record.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from faststream.kafka import KafkaMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber
from libs.common.tests.integration.records import fresh_topic

from common.events.topics import Topic
from common.kafka.broker import build_broker, records_of, subscribe
from common.settings.groups import KafkaSettings
from common.testing.kafka import unique
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

Handler = Callable[[KafkaMessage], Awaitable[None]]
HEADERS = [("good", b"ok"), ("bad", b"\xff\xfe"), ("none", None)]


class Scene:
    """A topic, and a group that reads it as our subscribers do."""

    def __init__(self, kafka: KafkaSettings, topic: Topic) -> None:
        self.kafka, self.topic, self.group = kafka, topic, unique("contract")
        self.seen: list[bytes] = []

    async def send(self, *values: bytes | None, partition: int = 0) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap)
        await producer.start()
        try:
            for value in values:
                await producer.send_and_wait(
                    self.topic.name, value, key=b"k", partition=partition, headers=HEADERS
                )
        finally:
            await producer.stop()

    @asynccontextmanager
    async def reading(self, handle: Handler, *, most: int = 1) -> AsyncIterator[BatchSubscriber]:
        broker = build_broker(self.kafka, "catalog")
        subscription = subscribe(
            broker, self.topic.name, group=self.group, max_records=most, session_timeout=10
        )
        subscription(handle)
        await broker.start()
        try:
            yield subscription
        finally:
            await broker.stop()

    async def committed(self) -> int | None:
        """The offset of partition 0, None when the group never committed."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(self.group)
        except GroupCoordinatorNotAvailableError:
            return None
        finally:
            await admin.close()
        place = offsets.get(TopicPartition(self.topic.name, 0))
        return place.offset if place is not None and place.offset >= 0 else None

    def saw(self, message: KafkaMessage) -> bytes:
        (record,) = records_of(message)
        value = record.value or b""
        self.seen.append(value)
        return value


def consumer_of(message: KafkaMessage) -> AIOKafkaConsumer:
    return cast("AIOKafkaConsumer", message.consumer)


@pytest.fixture
async def scene(kafka: KafkaSettings) -> Scene:
    return Scene(kafka, await fresh_topic(kafka))


async def test_nothing_is_committed_unless_the_handler_says_so(scene: Scene) -> None:
    async def handle(message: KafkaMessage) -> None:
        scene.saw(message)

    await scene.send(b"1", b"2", b"3")
    async with scene.reading(handle):
        await eventually(lambda: len(scene.seen) == 3)
    assert await scene.committed() is None

    async with scene.reading(handle):
        await eventually(lambda: scene.seen == [b"1", b"2", b"3"] * 2)


async def test_what_a_handler_raises_is_swallowed_and_a_later_ack_commits_past_it(
    scene: Scene,
) -> None:
    """So nothing may ever be raised out of a batch: it is rewound, or it is lost."""

    async def handle(message: KafkaMessage) -> None:
        if scene.saw(message) == b"2":
            raise ZeroDivisionError
        if scene.seen[-1] == b"3":
            await message.ack()

    await scene.send(b"1", b"2", b"3")
    async with scene.reading(handle):
        await eventually(lambda: len(scene.seen) == 3)
        await eventually(lambda: _is(scene, 3))
    async with scene.reading(handle):
        await scene.send(b"4")
        await eventually(lambda: scene.seen[3:] == [b"4"])


async def _is(scene: Scene, offset: int) -> bool:
    return await scene.committed() == offset


async def test_an_offset_that_is_kept_comes_again_after_a_seek(scene: Scene) -> None:
    async def handle(message: KafkaMessage) -> None:
        value, (record,) = scene.saw(message), records_of(message)
        if value == b"2" and scene.seen.count(b"2") < 3:
            partition = TopicPartition(record.topic, record.partition)
            consumer_of(message).seek(partition, record.offset)
            return
        await message.ack()

    await scene.send(b"1", b"2", b"3")
    async with scene.reading(handle):
        await eventually(lambda: scene.seen == [b"1", b"2", b"2", b"2", b"3"])
        await eventually(lambda: _is(scene, 3))


async def test_headers_that_are_no_text_lose_no_record_and_arrive_byte_for_byte(
    scene: Scene,
) -> None:
    headers: list[Any] = []

    async def handle(message: KafkaMessage) -> None:
        scene.saw(message)
        headers.append(list(records_of(message)[0].headers))
        await message.ack()

    await scene.send(b"{", None, b"\xff")
    async with scene.reading(handle):
        await eventually(lambda: scene.seen == [b"{", b"", b"\xff"])
    assert headers == [HEADERS] * 3


async def test_a_consumer_that_holds_its_partitions_and_polls_stays_in_its_group(
    scene: Scene,
) -> None:
    """How a paused group waits: without reading for longer than the longest time between polls."""
    consumer = AIOKafkaConsumer(
        scene.topic.name,
        bootstrap_servers=scene.kafka.bootstrap,
        group_id=scene.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_interval_ms=2000,
        session_timeout_ms=6000,
    )
    await consumer.start()
    try:
        consumer.pause(*consumer.assignment())
        held, loop = consumer.paused(), asyncio.get_running_loop()
        await scene.send(b"1")
        began, turns = loop.time(), 0
        while loop.time() - began < 5:
            assert await consumer.getmany(timeout_ms=100) == {}
            turns += 1
        # a rebalance would have forgotten what is held
        assert consumer.paused() == held == consumer.assignment()
        assert turns > 10
        consumer.resume(*held)
        got = await consumer.getmany(timeout_ms=5000)
        assert [record.value for records in got.values() for record in records] == [b"1"]
    finally:
        await consumer.stop()


async def test_a_stop_waits_for_the_handler_in_flight_and_its_commit_counts(scene: Scene) -> None:
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def handle(message: KafkaMessage) -> None:
        inside.set()
        await go_on.wait()
        await message.ack()

    await scene.send(b"1")

    async def release() -> None:
        await inside.wait()
        asyncio.get_running_loop().call_later(0.5, go_on.set)

    async with scene.reading(handle):
        await release()
    assert await scene.committed() == 1
