import asyncio
from dataclasses import replace

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from libs.common.tests.integration.records import SERVICE, fact, fresh_topic, sender_for, sequences

from common.errors import Forbidden, Unavailable
from common.events.topics import ASSETS, UPLOADS, Topic
from common.ids import new_asset_id
from common.kafka.producer import Fenced, TopicMissing, TransactionalSender
from common.settings.groups import KafkaSettings
from common.testing.kafka import read_all, scratch_topic, unique

pytestmark = pytest.mark.integration


async def test_a_batch_arrives_whole_and_tells_its_places(kafka: KafkaSettings) -> None:
    topic, asset = await fresh_topic(kafka), new_asset_id()
    async with sender_for(kafka, topic, unique("relay"))() as sender:
        places = await sender.send_batch([fact(asset, n, topic) for n in range(1, 11)])

    records = await read_all(kafka, topic, until=lambda found: len(found) == 10)

    assert [(r.partition, r.offset) for r in records] == places
    assert sequences(records) == list(range(1, 11))


async def test_headers_arrive_as_the_envelope_wrote_them(kafka: KafkaSettings) -> None:
    topic = await fresh_topic(kafka)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    message = fact(new_asset_id(), 1, topic, traceparent=trace)
    async with sender_for(kafka, topic, unique("relay"))() as sender:
        await sender.send_batch([message])

    (record,) = await read_all(kafka, topic, until=lambda found: len(found) == 1)

    assert list(record.headers) == message.headers()
    assert record.value == message.payload


async def test_the_older_of_two_senders_is_fenced_and_its_batch_never_seen(
    kafka: KafkaSettings,
) -> None:
    topic, asset, id_ = await fresh_topic(kafka), new_asset_id(), unique("relay")
    open_sender = sender_for(kafka, topic, id_)
    async with open_sender() as zombie:
        await zombie.send_batch([fact(asset, 1, topic)])
        async with open_sender() as successor:
            await successor.send_batch([fact(asset, 2, topic)])
            with pytest.raises(Fenced):
                await zombie.send_batch([fact(asset, 1, topic)])
            with pytest.raises((Fenced, Unavailable)):
                await zombie.send_batch([fact(asset, 1, topic)])
            await successor.send_batch([fact(asset, 3, topic)])

    records = await read_all(kafka, topic, until=lambda found: len(found) == 3)
    assert sequences(records) == [1, 2, 3]


async def test_one_fenced_while_it_still_hands_over_its_batch_is_told_so_too(
    kafka: KafkaSettings,
) -> None:
    """Where the second topic is looked up, the broker's no to the first arrives before the end."""
    first, second = await fresh_topic(kafka), await fresh_topic(kafka)
    id_ = unique("relay")
    batch = [fact(new_asset_id(), 1, topic) for topic in (first, second, first)]

    def sender() -> TransactionalSender:
        return TransactionalSender(kafka, id_, SERVICE, topics=(first, second))

    async with sender() as zombie, sender():
        with pytest.raises(Fenced):
            await zombie.send_batch(batch)


async def test_a_topic_of_another_service_is_refused_before_anything_is_sent(
    kafka: KafkaSettings,
) -> None:
    topic = await fresh_topic(kafka)
    async with sender_for(kafka, topic, unique("relay"))() as sender:
        with pytest.raises(Forbidden, match=ASSETS.name.replace(".", "[.]")):
            await sender.send_batch(
                [fact(new_asset_id(), 1, topic), fact(new_asset_id(), 1, ASSETS)]
            )


async def test_without_a_broker_it_says_so_at_once() -> None:
    nowhere = KafkaSettings(bootstrap="127.0.0.1:9")
    async with asyncio.timeout(5):
        with pytest.raises(Unavailable):
            async with TransactionalSender(nowhere, "x", "catalog"):
                pytest.fail("it connected")


async def limit_records(kafka: KafkaSettings, topic: Topic, most: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        config = {**topic.config(), "max.message.bytes": str(most)}
        resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=config)
        await admin.alter_configs([resource])
    finally:
        await admin.close()


async def test_nothing_of_a_batch_is_seen_when_the_broker_refuses_one_record(
    kafka: KafkaSettings,
) -> None:
    topic, id_ = await fresh_topic(kafka), unique("relay")
    await limit_records(kafka, topic, 2_000)
    small = [fact(new_asset_id(), 1, topic) for _ in range(40)]
    large = replace(fact(new_asset_id(), 1, topic), payload=b"x" * 10_000)

    with pytest.raises(Unavailable):
        async with sender_for(kafka, topic, id_)() as sender:
            await sender.send_batch([*small, large])
    async with sender_for(kafka, topic, id_)() as sender:
        await sender.send_batch(small[:1])

    records = await read_all(kafka, topic, until=lambda found: len(found) >= 1)
    assert [record.key for record in records] == [small[0].key.encode()]


async def test_a_missing_topic_is_named_at_once(kafka: KafkaSettings) -> None:
    topic = scratch_topic(UPLOADS)
    async with asyncio.timeout(5):
        with pytest.raises(TopicMissing) as missing:
            async with sender_for(kafka, topic, unique("relay"))():
                pytest.fail("it opened")
    assert missing.value.topics == [topic.name]


async def test_a_sender_that_is_let_go_in_mid_batch_leaves_nothing_running(
    kafka: KafkaSettings,
) -> None:
    topic = await fresh_topic(kafka)
    before = asyncio.all_tasks()
    batch = [fact(new_asset_id(), 1, topic) for _ in range(200)]
    with pytest.raises(Unavailable):
        async with sender_for(kafka, topic, unique("relay"))() as sender:
            await sender.send_batch(batch, within=0.001)

    assert asyncio.all_tasks() == before
    assert sender._producer is None
