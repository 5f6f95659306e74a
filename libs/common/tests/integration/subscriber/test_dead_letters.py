"""Dead letters on the real broker: nothing is too large or too strange to be kept."""

import os
from collections.abc import Mapping
from dataclasses import replace

import pytest
from libs.common.tests.integration.records import fact, fresh_topic

from common.events.record import SourceRecord
from common.events.topics import Topic, dead_letter_topic
from common.ids import new_asset_id
from common.kafka.topics import apply
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letters import DeadLetters
from common.testing.kafka import Record, read_all, unique

pytestmark = pytest.mark.integration

# the broker's limit is on the batch: a record with key and headers must be a little smaller
LARGEST = 1_048_588 - 500


@pytest.fixture
async def topic(kafka: KafkaSettings) -> Topic:
    return await fresh_topic(kafka)


def record(topic: Topic, value: bytes) -> SourceRecord:
    headers = tuple(fact(new_asset_id(), 1, topic).headers())
    return SourceRecord(topic.name, 2, 41, 1_760_000_000_000, b"key", headers, value)


async def kept(kafka: KafkaSettings, topic: Topic, value: bytes, *, widened: bool = True) -> Record:
    group = unique("catalog.uploads")
    dead = dead_letter_topic(topic, group)
    await apply(kafka, [dead if widened else replace(dead, max_bytes=None)])
    async with DeadLetters(kafka, "catalog") as letters:
        await letters.put(
            record(topic, value),
            topic,
            group,
            reason="unexpected",
            detail="ValueError",
            error=_raised(),
            attempts=5,
        )
    (found,) = await read_all(kafka, dead, until=lambda records: len(records) == 1)
    return found


def _raised() -> BaseException:
    """With causes whose texts cannot be compressed."""

    def fall(depth: int) -> None:
        error = ValueError(os.urandom(140).hex())
        if depth == 0:
            raise error
        try:
            fall(depth - 1)
        except ValueError as cause:
            raise error from cause

    with pytest.raises(ValueError, match=r"\w") as caught:
        fall(4)
    return caught.value


def why(found: Record) -> Mapping[str, str]:
    return {
        name: (value or b"").decode() for name, value in found.headers if name.startswith("dlq_")
    }


async def test_every_reason_is_beside_the_bytes(kafka: KafkaSettings, topic: Topic) -> None:
    found = await kept(kafka, topic, b"{}")
    told = why(found)
    assert (found.key, found.value) == (b"key", b"{}")
    assert {name.removeprefix("dlq_") for name in told} == (
        {"topic", "partition", "offset", "timestamp", "group", "reason", "detail", "at"}
        | {"error", "cause", "attempts", "traceback"}
    )
    assert (told["dlq_offset"], told["dlq_attempts"]) == ("41", "5")
    assert (told["dlq_error"], told["dlq_detail"]) == ("ValueError", "ValueError")
    assert 1000 < len(told["dlq_traceback"]) <= 8000


async def test_the_largest_record_that_a_broker_takes_is_kept_whole(
    kafka: KafkaSettings, topic: Topic
) -> None:
    value = os.urandom(LARGEST)  # nothing to compress
    found = await kept(kafka, topic, value)
    assert found.value == value
    assert "dlq_traceback" in why(found)


async def test_without_room_for_the_reason_the_reason_is_brief_and_the_record_whole(
    kafka: KafkaSettings, topic: Topic
) -> None:
    value = os.urandom(LARGEST - 1_000)
    found = await kept(kafka, topic, value, widened=False)
    assert found.value == value
    assert "dlq_traceback" not in why(found)
    assert why(found)["dlq_reason"] == "unexpected"
