import asyncio
from collections.abc import Callable

import pytest
from libs.common.tests.integration.records import SERVICE, fact, sender_for, sequences

from common.errors import Corrupt, Unavailable
from common.events.topics import CATALOG_STATE, UPLOADS, Topic
from common.ids import new_asset_id
from common.kafka.topics import apply
from common.settings.groups import KafkaSettings
from common.subscriber.state import OffsetGone, StateBatch, read_state
from common.testing.kafka import read_all, scratch_topic, unique
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


class Reader:
    """Keeps what it read and where to go on, as a reader's own store would."""

    def __init__(self, kafka: KafkaSettings, topic: Topic) -> None:
        self.kafka, self.topic = kafka, topic
        self.sequences: list[int] = []
        self.offset = 0
        self.caught_up = False
        self.stop = asyncio.Event()
        self.act: Callable[[StateBatch], None] = lambda _: None

    async def on_batch(self, batch: StateBatch) -> None:
        self.act(batch)
        self.sequences += [int(dict(r.headers)["ce_sequence"]) for r in batch.records]
        self.offset = batch.next_offset
        self.caught_up = batch.caught_up

    async def run_until(self, condition: Callable[[], bool]) -> None:
        self.stop.clear()
        async with asyncio.TaskGroup() as group, asyncio.timeout(15):
            group.create_task(
                read_state(
                    self.kafka,
                    self.topic,
                    start_offset=self.offset,
                    on_batch=self.on_batch,
                    stop=self.stop,
                )
            )
            await eventually(condition)
            self.stop.set()


@pytest.fixture
async def topic(kafka: KafkaSettings) -> Topic:
    topic = scratch_topic(CATALOG_STATE)
    owned = Topic(topic.name, frozenset({SERVICE}), topic.key, "compact", 1)
    await apply(kafka, [owned])
    return owned


async def send(kafka: KafkaSettings, topic: Topic, *numbers: int) -> None:
    asset = new_asset_id()
    async with sender_for(kafka, topic, unique("relay"))() as sender:
        await sender.send_batch([fact(asset, n, topic) for n in numbers])


async def test_a_reader_goes_on_where_it_stored(kafka: KafkaSettings, topic: Topic) -> None:
    await send(kafka, topic, 1, 2)
    reader = Reader(kafka, topic)
    await reader.run_until(lambda: reader.caught_up and reader.sequences == [1, 2])
    await send(kafka, topic, 3)

    again = Reader(kafka, topic)
    again.offset = reader.offset
    await again.run_until(lambda: again.caught_up and bool(again.sequences))

    assert again.sequences == [3]


async def test_an_empty_topic_is_caught_up_with(kafka: KafkaSettings, topic: Topic) -> None:
    reader = Reader(kafka, topic)

    await reader.run_until(lambda: reader.caught_up)

    assert reader.offset == 0


async def test_only_committed_records_are_read(kafka: KafkaSettings, topic: Topic) -> None:
    await send(kafka, topic, 1)
    zombie = sender_for(kafka, topic, id_ := unique("relay"))()
    async with zombie as sender:
        producer = sender._producer  # an open transaction is what no public method leaves behind
        assert producer is not None
        await producer.begin_transaction()
        await producer.send_and_wait(topic.name, b"never", key=b"k")
        async with sender_for(kafka, topic, id_)() as successor:
            await successor.send_batch([fact(new_asset_id(), 2, topic)])
            reader = Reader(kafka, topic)
            await reader.run_until(lambda: reader.caught_up and len(reader.sequences) == 2)

    assert reader.sequences == [1, 2]
    everything = await read_all(kafka, topic, until=lambda found: len(found) == 3, committed=False)
    assert b"never" in [record.value for record in everything]
    assert sequences([r for r in everything if r.headers]) == [1, 2]


async def test_a_batch_that_could_not_be_stored_is_read_again(
    kafka: KafkaSettings, topic: Topic
) -> None:
    await send(kafka, topic, 1)
    reader, tries = Reader(kafka, topic), 0

    def act(batch: StateBatch) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise Unavailable("the store is busy")

    reader.act = act
    await reader.run_until(lambda: reader.sequences == [1])


async def test_what_the_reader_cannot_bear_ends_the_reading(
    kafka: KafkaSettings, topic: Topic
) -> None:
    def act(_: StateBatch) -> None:
        raise Corrupt("the file is damaged")

    reader = Reader(kafka, topic)
    reader.act = act
    with pytest.raises(Corrupt):
        await read_state(
            kafka, topic, start_offset=0, on_batch=reader.on_batch, stop=asyncio.Event()
        )


async def test_an_offset_of_a_lost_kafka_asks_for_a_refill(
    kafka: KafkaSettings, topic: Topic
) -> None:
    await send(kafka, topic, 1)
    reader = Reader(kafka, topic)
    with pytest.raises(OffsetGone):
        await read_state(
            kafka, topic, start_offset=1_000_000, on_batch=reader.on_batch, stop=asyncio.Event()
        )


async def test_a_topic_without_a_total_order_is_refused(kafka: KafkaSettings) -> None:
    with pytest.raises(ValueError, match="no total order"):
        await read_state(
            kafka,
            UPLOADS,
            start_offset=0,
            on_batch=Reader(kafka, UPLOADS).on_batch,
            stop=asyncio.Event(),
        )
