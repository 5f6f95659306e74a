"""Facts from the real broker: twice is once, and a foreign key goes to the dead letters alone."""

import asyncio
from collections.abc import Sequence

import pytest
from faststream.kafka import KafkaBroker
from prometheus_client import CollectorRegistry, Counter
from services.janitor.tests.integration.rows import count, states

from common.clock import SystemClock
from common.events import AssetPurgeDue, Message, Received, new_message
from common.events.topics import ASSETS, CATALOG, WATERMARKS, Topic, dead_letter_topic
from common.ids import AssetId, ObjectKey, new_asset_id, original_key
from common.kafka.broker import build_broker
from common.kafka.producer import TransactionalSender
from common.kafka.topics import apply
from common.postgres.engine import Database
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lane import Lane
from common.subscriber.loop import run_consumers
from common.subscriber.subscriber import ReliableSubscriber
from common.telemetry.metrics import Metrics
from common.testing.kafka import Record, read_all, redirected, scratch_topic, unique
from janitor.adapters.postgres_unit_of_work import PostgresUnitOfWork
from janitor.consumers.assets import build_assets_handler
from janitor.consumers.orders import OrderIntake
from janitor.usecases.declare_object import DeclareObject
from janitor.usecases.order_purge import OrderPurge

pytestmark = pytest.mark.integration


def purge_due(asset_id: AssetId, keys: Sequence[ObjectKey], sequence: int) -> Message:
    return new_message(
        AssetPurgeDue(asset_id=asset_id, reason="grace_over", keys=tuple(keys)),
        source=CATALOG,
        key=str(asset_id),
        sequence=sequence,
        clock=SystemClock(),
    )


async def publish(kafka: KafkaSettings, topic: Topic, messages: Sequence[Message]) -> None:
    sender = TransactionalSender(kafka, unique("test.relay"), CATALOG, topics=[topic])
    async with sender:
        await sender.send_batch([redirected(message, topic) for message in messages])


def one_letter(records: Sequence[Record]) -> bool:
    return len(records) == 1


async def test_a_fact_read_twice_is_one_order_and_a_foreign_key_is_kept_for_a_person(
    kafka: KafkaSettings, database: Database, unit_of_work: PostgresUnitOfWork
) -> None:
    topic, group = scratch_topic(ASSETS), unique("janitor.assets")
    letters = dead_letter_topic(topic, group)
    await apply(kafka, [topic, letters, WATERMARKS])
    good, bad, living = new_asset_id(), new_asset_id(), new_asset_id()
    due = purge_due(good, [original_key(good, "flac")], 1)
    foreign = purge_due(bad, [original_key(bad, "flac"), original_key(living, "flac")], 1)
    await publish(kafka, topic, [due, foreign, due])

    refusals = Counter("refused_orders", "test", registry=CollectorRegistry())
    intake = OrderIntake(OrderPurge(unit_of_work), refusals)
    handle = build_assets_handler(DeclareObject(unit_of_work), intake)
    twice = asyncio.Semaphore(0)

    async def handle_and_say(received: Received) -> None:
        await handle(received)
        twice.release()

    stop = asyncio.Event()
    dead_letters = DeadLetters(kafka, "janitor")

    def build() -> tuple[KafkaBroker, list[ReliableSubscriber]]:
        broker = build_broker(kafka, "janitor")
        lane = Lane(group, topic, handle_and_say, dead_letters, Metrics("janitor"))
        return broker, [ReliableSubscriber(broker, lane)]

    async with dead_letters, asyncio.timeout(60):
        consuming = asyncio.ensure_future(run_consumers(kafka, build)(stop))
        (letter,) = await read_all(kafka, letters, until=one_letter, timeout=30, committed=False)
        await twice.acquire()
        await twice.acquire()
        stop.set()
        await consuming

    headers = dict(letter.headers)
    assert headers["dlq_reason"] == b"refuses_to_delete"
    assert letter.value == foreign.payload
    assert refusals._value.get() == 1
    assert (await count(database, "purge"), await count(database, "job")) == (1, 1)
    assert set((await states(database, good)).values()) == {"condemned"}
    assert await states(database, bad) == await states(database, living) == {}
