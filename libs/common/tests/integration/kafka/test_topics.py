from dataclasses import replace

import pytest
from aiokafka import AIOKafkaProducer

from common.errors import Conflict, Unavailable
from common.events import EpochState, decode
from common.events.topics import ACCESSES, CATALOG_STATE, DETAILS, UPLOADS
from common.kafka.producer import abandon
from common.kafka.topics import ALL_TOPICS, apply, diff, missing
from common.settings.groups import KafkaSettings
from common.testing.kafka import read_all, scratch_topic
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def test_applying_twice_changes_nothing_the_second_time(kafka: KafkaSettings) -> None:
    topics = [scratch_topic(topic) for topic in (UPLOADS, DETAILS, ACCESSES)]

    assert [change.kind for change in await apply(kafka, topics)] == ["create"] * 3
    assert await apply(kafka, topics) == []
    assert await diff(kafka, topics) == []


async def test_a_difference_is_shown_before_it_is_applied(kafka: KafkaSettings) -> None:
    topic = scratch_topic(ACCESSES)
    await apply(kafka, [replace(topic, retention=None)])

    (change,) = await diff(kafka, [topic])
    assert change.kind == "configure"
    assert "retention.ms=-1 -> 2592000000" in change.detail

    await apply(kafka, [topic])

    async def there_is_none() -> bool:  # a changed setting is asked of a broker that may lag
        return await diff(kafka, [topic]) == []

    await eventually(there_is_none)


async def test_another_number_of_partitions_is_refused_and_nothing_is_changed(
    kafka: KafkaSettings,
) -> None:
    topic, new = scratch_topic(UPLOADS), scratch_topic(UPLOADS)
    await apply(kafka, [topic])

    with pytest.raises(Conflict, match="12 partitions and must have 24"):
        await apply(kafka, [replace(topic, partitions=24), new])

    assert await missing(kafka, [topic.name, new.name]) == [new.name]


async def test_the_epoch_is_the_first_record_of_the_state_topic_and_written_once(
    kafka: KafkaSettings,
) -> None:
    await apply(kafka)
    await apply(kafka, ALL_TOPICS)

    records = await read_all(kafka, CATALOG_STATE, until=lambda found: len(found) > 0)

    first = decode(records[0].key, records[0].headers, records[0].value)
    assert records[0].offset == 0
    assert first.key == "meta/epoch"
    assert isinstance(first.event, EpochState)
    assert [r.key for r in records].count(b"meta/epoch") == 1


async def test_a_setup_killed_before_its_commit_leaves_the_epoch_to_the_next(
    kafka: KafkaSettings,
) -> None:
    topic = scratch_topic(CATALOG_STATE)
    await apply(kafka, [topic])
    killed = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id="reprise.setup")
    await killed.start()
    await killed.begin_transaction()
    await killed.send_and_wait(topic.name, b"{}", key=b"meta/epoch")

    changes = [change.kind for change in await apply(kafka, [topic], state=topic)]
    again = [change.kind for change in await apply(kafka, [topic], state=topic)]

    await abandon(killed)
    (record,) = await read_all(kafka, topic, until=lambda found: len(found) > 0)
    assert isinstance(decode(record.key, record.headers, record.value).event, EpochState)
    assert (changes, again) == (["epoch"], [])


async def test_without_a_broker_it_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await diff(KafkaSettings(bootstrap="127.0.0.1:9"))
