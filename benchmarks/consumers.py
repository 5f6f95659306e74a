"""How many records the janitor's declarations take in a second, one by one and together.

The real subscriber, retrier table and ledger, in a process of its own; the topic is filled before
it starts. Its memory after few and after many records says whether it is flat.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import psutil
import uvloop
from aiokafka import AIOKafkaProducer
from benchmarks.place import Place
from benchmarks.relay import fresh_topic
from benchmarks.table import Row
from faststream.kafka import KafkaBroker
from pydantic import SecretStr

from common.clock import SystemClock
from common.events import Received, UploadStarted, new_message
from common.events.topics import UPLOAD_GATEWAY, UPLOADS, Topic
from common.ids import new_asset_id, new_upload_id, original_key
from common.jobs.queue import JobQueue
from common.kafka.broker import build_broker
from common.postgres.engine import open_engine
from common.postgres.parked import PostgresParking
from common.settings.groups import KafkaSettings, PostgresSettings
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lane import Lane
from common.subscriber.loop import run_consumers
from common.subscriber.subscriber import ReliableSubscriber
from common.telemetry.logs import configure_for_commands
from common.telemetry.metrics import Metrics
from common.testing.kafka import unique
from common.testing.postgres import scratch
from janitor.adapters.postgres_unit_of_work import PostgresUnitOfWork
from janitor.consumers.declarations import declaration_of
from janitor.consumers.together import build_together
from janitor.usecases.declare_object import DeclareObject
from janitor.usecases.declare_objects import DeclareObjects

ONE_BY_ONE, TOGETHER = 3_000, 200_000  # records
LOOK = 0.05  # seconds
EARLY = 10_000  # records after which memory is looked at for the first time


class Point(NamedTuple):
    """How far the consumer was: records handled, seconds on its clock, bytes resident."""

    handled: int
    at: float
    rss: int


async def measure(place: Place) -> list[Row]:
    one = await run(place, ONE_BY_ONE, "one")
    many = await run(place, TOGETHER, "together")
    slow, fast = rate(one), rate(many)
    early = next(point for point in many if point.handled >= EARLY)
    return [
        Row("janitor's declarations, one by one", f"{slow:,.0f} records/s", f"{ONE_BY_ONE:,}"),
        Row("janitor's declarations, together", f"{fast:,.0f} records/s", f"x {fast / slow:.1f}"),
        Row(f"its memory after {EARLY:,} records", mib(early.rss)),
        Row(
            f"its memory after {TOGETHER:,} records",
            mib(many[-1].rss),
            f"{(many[-1].rss - early.rss) / 2**20:+.1f} MiB",
        ),
    ]


def rate(points: list[Point]) -> float:
    """Records in a second from the first that was handled to the last."""
    first, last = points[0], points[-1]
    return (last.handled - first.handled) / (last.at - first.at)


def mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


async def run(place: Place, records: int, way: str) -> list[Point]:
    """Fill a topic, then have another process take all of it."""
    topic = await fresh_topic(place.kafka)
    await fill(place.kafka, topic, records)
    async with scratch(place.postgres, "janitor") as schema:
        points: list[Point] = []
        async with consuming(place, schema.name, topic, way) as lines:
            async for line in lines:
                points.append(Point(*map(float, line.split())))  # type: ignore[arg-type]
                if points[-1].handled >= records:
                    return points
    raise RuntimeError(f"the consumer ended after {points[-1:]}")


async def fill(kafka: KafkaSettings, topic: Topic, records: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, max_batch_size=131_072)
    await producer.start()
    try:
        for _ in range(records):
            asset, clock = new_asset_id(), SystemClock()
            fact = UploadStarted(
                asset_id=asset,
                upload_id=new_upload_id(),
                user_id=asset,
                kind="audio",
                key=original_key(asset, "flac"),
                declared_size=1,
            )
            message = new_message(
                fact, source=UPLOAD_GATEWAY, key=str(asset), sequence=1, clock=clock
            )
            await producer.send(
                topic.name, message.payload, key=message.key.encode(), headers=message.headers()
            )
        await producer.flush()
    finally:
        await producer.stop()


@asynccontextmanager
async def consuming(
    place: Place, schema: str, topic: Topic, way: str
) -> AsyncIterator[asyncio.StreamReader]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.consumers",
        place.kafka.bootstrap, place.postgres, schema, topic.name, way,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        yield child.stdout
    finally:
        child.kill()
        await child.wait()


async def consume(bootstrap: str, postgres: str, schema: str, name: str, way: str) -> None:
    """The other process: prints how far it is until it is killed."""
    kafka, metrics = KafkaSettings(bootstrap=bootstrap), Metrics("janitor")
    topic = Topic(name, UPLOADS.producers, UPLOADS.key, UPLOADS.policy, UPLOADS.partitions)
    group, letters = unique("janitor.uploads"), DeadLetters(kafka, "janitor")
    async with open_engine(PostgresSettings(url=SecretStr(postgres)), schema=schema) as database:
        unit_of_work = PostgresUnitOfWork(database, JobQueue(database), SystemClock())
        declare = DeclareObject(unit_of_work)

        async def handle(received: Received) -> None:
            assert isinstance(received.event, UploadStarted)
            await declare(declaration_of(received, received.event))

        many = build_together(DeclareObjects(unit_of_work), handle) if way == "together" else None
        lane = Lane(
            group, topic, handle, letters, metrics,
            handle_many=many, parking=PostgresParking(database, group),
        )  # fmt: skip

        def build() -> tuple[KafkaBroker, list[ReliableSubscriber]]:
            broker = build_broker(kafka, "janitor")
            return broker, [ReliableSubscriber(broker, lane)]

        loop = run_consumers(kafka, build)
        await asyncio.gather(report(metrics, group), loop(asyncio.Event()))


async def report(metrics: Metrics, group: str) -> None:
    told, process, clock = 0, psutil.Process(), SystemClock()
    while True:
        await asyncio.sleep(LOOK)
        found = metrics.registry.get_sample_value("media_consumer_handled_total", {"group": group})
        handled = int(found or 0)
        if handled > told:
            told = handled
            print(handled, clock.monotonic(), process.memory_info().rss, flush=True)


if __name__ == "__main__":
    configure_for_commands()
    uvloop.run(consume(*sys.argv[1:]))
