import asyncio
from collections.abc import Collection
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from faststream.kafka import KafkaMessage
from libs.common.tests.unit.subscriber.memory_ports import Scene, record

from common.events import Received
from common.events.topics import DETAILS, UPLOADS
from common.kafka.broker import build_broker
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lane import Lane
from common.subscriber.subscriber import ReliableSubscriber
from common.telemetry.metrics import Metrics


class Cluster:
    """What a consumer was last told of its topic."""

    def __init__(self) -> None:
        self.known = True

    def update_metadata(self, metadata: object) -> None:
        """Nothing of it is kept."""

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return {0} if self.known else None


class Client:
    """A connection whose broker answers at once."""

    def __init__(self) -> None:
        self.cluster, self.cluster_id = Cluster(), "one"
        self._sync_task: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def force_metadata_update(self) -> None:
        answer = SimpleNamespace(brokers=["here"], cluster_id=self.cluster_id)
        self.cluster.update_metadata(answer)


class Consumer:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self._client = Client()
        self._fetcher = SimpleNamespace(error_future=asyncio.get_running_loop().create_future())
        self._coordinator = SimpleNamespace()
        self.commits: list[object] = []
        self.sought: list[tuple[int, int]] = []
        self.held: list[TopicPartition] = []

    async def commit(self, offsets: object = None) -> None:
        self.commits.append(offsets)

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(UPLOADS.name, 0)]

    def paused(self) -> list[TopicPartition]:
        return self.held

    def pause(self, *partitions: TopicPartition) -> None:
        self.held = list(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self.held = []

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.sought.append((partition.partition, offset))


class Batch:
    """One poll with one record of a type that nobody knows yet."""

    def __init__(self) -> None:
        headers = [
            ("ce_id", b"01890000-0000-7000-8000-000000000001"),
            ("ce_source", b"upload-gateway"),
            ("ce_type", b"reprise.new.thing.v9"),
            ("ce_time", b"2026-01-01T00:00:00+00:00"),
            ("ce_subject", b"s"),
            ("ce_sequence", b"1"),
        ]
        found: Any = ConsumerRecord(
            UPLOADS.name, 0, 7, 0, 0, b"k", b"{}", None, 1, 2, tuple(headers)
        )
        self.raw_message = (SimpleNamespace(record=found),)
        self.consumer = Consumer()

    async def ack(self) -> None:
        await self.consumer.commit()


def subscriber() -> ReliableSubscriber:
    async def handle(_: Received) -> None:
        raise AssertionError("the type is unknown")

    kafka = KafkaSettings(bootstrap="127.0.0.1:9")
    letters = DeadLetters(kafka, "catalog")
    lane = Lane("catalog.uploads", DETAILS, handle, letters, Metrics("catalog"))
    return ReliableSubscriber(build_broker(kafka, "catalog"), lane)


async def test_a_poll_is_committed_as_a_whole() -> None:
    batch = Batch()
    await subscriber()._batch(cast("KafkaMessage", batch))
    assert batch.consumer.commits == [None]


async def test_a_poll_after_the_stop_commits_nothing_over_a_batch_left_undone() -> None:
    stopped, batch = subscriber(), Batch()
    stopped.stopping.set()
    await stopped._batch(cast("KafkaMessage", batch))
    assert batch.consumer.commits == []


@pytest.mark.parametrize("loss", ["another cluster", "no topic"])
async def test_nothing_is_committed_into_a_log_that_took_the_place_of_the_one_read(
    loss: str,
) -> None:
    reader, batch = subscriber(), Batch()
    await reader._batch(cast("KafkaMessage", batch))
    client = batch.consumer._client
    if loss == "no topic":
        client.cluster.known = False
    else:
        client.cluster_id = "two"
    await client.force_metadata_update()
    client.cluster.known = True  # as soon as somebody provides it again

    await reader._batch(cast("KafkaMessage", batch))

    assert batch.consumer.commits == [None]


async def test_a_commit_that_waits_for_a_lost_topic_is_given_up() -> None:
    reader, batch = subscriber(), Batch()
    committing = asyncio.Event()

    async def ack() -> None:
        committing.set()
        await asyncio.Event().wait()
        batch.consumer.commits.append("stale")

    batch.ack = ack  # type: ignore[method-assign]
    async with asyncio.TaskGroup() as group:
        group.create_task(reader._batch(cast("KafkaMessage", batch)))
        await committing.wait()
        batch.consumer._client.cluster.known = False
        await batch.consumer._client.force_metadata_update()
    assert batch.consumer.commits == []


async def test_a_key_that_no_column_holds_as_it_is_waits_like_any_other() -> None:
    desk = Scene()
    reader = ReliableSubscriber(
        build_broker(KafkaSettings(bootstrap="127.0.0.1:9"), "x"), desk.lane
    )
    asked = list[str]()

    async def parked(keys: Collection[str]) -> frozenset[str]:
        asked.extend(keys)
        return frozenset(keys)

    desk.parking.parked = parked  # type: ignore[method-assign]
    batch = Batch()
    source = record("a\0", 1)
    found: Any = ConsumerRecord(
        UPLOADS.name, 0, 7, 0, 0, source.key, source.value, None, 1, 2, cast("Any", source.headers)
    )
    batch.raw_message = (SimpleNamespace(record=found),)

    await reader._batch(cast("KafkaMessage", batch))

    assert asked == ["a\ufffd"]
    assert desk.handled == []
