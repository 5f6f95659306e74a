"""What aiokafka refuses while it hands out a poll costs no other record (real broker)."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from libs.common.tests.integration.records import fact, fresh_topic
from libs.common.tests.integration.subscriber.test_subscriber import Scene
from typing_extensions import override

from common.events import Message
from common.events.topics import dead_letter_topic
from common.ids import new_asset_id
from common.kafka.broker import build_broker
from common.kafka.topics import apply
from common.settings.groups import KafkaSettings
from common.testing.kafka import read_all
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

ASSET = new_asset_id()


class BadName(str):
    """A header name that other clients can write and this one would not."""

    __slots__ = ()

    @override
    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


@pytest.fixture
async def scene(kafka: KafkaSettings) -> Scene:
    topic = await fresh_topic(kafka)
    made = Scene(kafka, topic)
    await apply(kafka, [dead_letter_topic(topic, made.group)])
    return made


async def send(scene: Scene, partition: int, *numbers: int, codec: int = 0, bad: int = 0) -> None:
    """One batch; the record number `bad` of it has a header with a bad name."""
    async with AIOKafkaProducer(bootstrap_servers=scene.kafka.bootstrap) as producer:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, -1, 65_536)
        for number in numbers:
            message = fact(ASSET, number, scene.topic)
            headers = _headers(message, bad=number == bad)
            batch.append(key=b"k", value=message.payload, timestamp=None, headers=headers)
        await (await producer.send_batch(batch, scene.topic.name, partition=partition))


def _headers(message: Message, *, bad: bool) -> Sequence[tuple[str, bytes]]:
    return [*message.headers(), (BadName("x") if bad else "x", b"v")]


@pytest.mark.parametrize("codec", [0, 1])
async def test_a_header_name_that_is_no_text_costs_neither_its_record_nor_any_other(
    scene: Scene, codec: int
) -> None:
    await send(scene, 0, 11, 12)
    await send(scene, 1, 1, 2, 3, codec=codec, bad=2)
    await send(scene, 1, 4)
    await send(scene, 2, 21, 22)
    async with scene.consuming():
        await eventually(lambda: len(scene.seen) >= 8)

    assert sorted(scene.seen) == [1, 2, 3, 4, 11, 12, 21, 22]
    assert [n for n in scene.seen if n < 10] == [1, 2, 3, 4]
    assert await scene.committed() == 8


async def test_a_record_with_such_a_name_can_be_kept_as_a_dead_letter(scene: Scene) -> None:
    async with AIOKafkaProducer(bootstrap_servers=scene.kafka.bootstrap) as producer:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, -1, 65_536)
        batch.append(key=b"k", value=b"v", timestamp=None, headers=[(BadName("x"), b"v")])
        await (await producer.send_batch(batch, scene.topic.name, partition=1))
    async with scene.consuming():
        (dead,) = await read_all(scene.kafka, scene.dead_topic, until=bool)

    assert dead.value == b"v"
    assert ("\ufffd\ufffd", b"v") in dead.headers


class Torn:
    """What one fetch brought; the checksum of what holds a certain word is wrong."""

    whole: type[Any]

    def __init__(self, raw: bytes) -> None:
        self._found, self._torn = self.whole(raw), b"torn" in raw
        self.has_next, self.size_in_bytes = self._found.has_next, self._found.size_in_bytes

    def next_batch(self) -> object:
        if self._torn:
            raise CorruptRecordException("Invalid CRC")
        return self._found.next_batch()


async def test_a_partition_whose_bytes_are_damaged_costs_no_record_of_the_others(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_broker(scene.kafka, "catalog")
    Torn.whole = fetcher.MemoryRecords  # type: ignore[attr-defined]
    monkeypatch.setattr(fetcher, "MemoryRecords", Torn)
    await send(scene, 1, 1)
    await scene.send_raw(b"torn", [])
    await send(scene, 2, 2)
    seen: list[int] = []
    raised = 0
    async with AIOKafkaConsumer(bootstrap_servers=scene.kafka.bootstrap) as consumer:
        places = [TopicPartition(scene.topic.name, number) for number in range(3)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        async with asyncio.timeout(20):
            while len(seen) < 2 or not raised:
                try:
                    found = await consumer.getmany(timeout_ms=500)
                except CorruptRecordException:
                    raised += 1
                else:
                    seen += [at.partition for at in found]
        assert await consumer.position(places[0]) == 0
    assert sorted(seen) == [1, 2]
