"""How long it takes from a commit to the handler of a real subscriber in another process."""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop
from benchmarks.place import Place, fact
from benchmarks.relay import fresh_topic, relay_of, transactional
from benchmarks.table import Row
from faststream.kafka import KafkaBroker

from common.events import Received
from common.events.topics import UPLOADS, Topic
from common.ids import new_asset_id
from common.kafka.broker import build_broker
from common.postgres.outbox import append
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lane import Lane
from common.subscriber.loop import run_consumers
from common.subscriber.subscriber import ReliableSubscriber
from common.telemetry.logs import configure_for_commands
from common.telemetry.metrics import Metrics
from common.testing.kafka import unique
from common.testing.postgres import ScratchSchema
from common.testing.waiting import eventually

EVERY = 0.01  # seconds between two commits
EVENTS = 1_000
FIRST = 50  # of them that warm everything up


async def measure(place: Place) -> list[Row]:
    async with place.outbox() as schema:
        topic, stop = await fresh_topic(place.kafka), asyncio.Event()
        async with asyncio.TaskGroup() as group, handling(place.kafka, topic) as heard:
            relay = relay_of(schema, transactional(place.kafka, topic))
            group.create_task(relay.loop(stop))
            await commit(schema, topic)
            await eventually(lambda: bool(heard), timeout=30)  # it has joined its group
            committed = await commit_steadily(schema, topic)
            await eventually(lambda: len(heard) > len(committed), timeout=60)
            stop.set()
    took = [(heard[id_] - at) * 1000 for id_, at in list(committed.items())[FIRST:]]
    p50, p99 = statistics.median(took), statistics.quantiles(took, n=100)[98]
    return [
        Row("commit -> handler, 100 events/s, p50", f"{p50:.1f} ms", "at most 40 ms"),
        Row("commit -> handler, 100 events/s, p99", f"{p99:.1f} ms", "at most 200 ms"),
    ]


async def commit_steadily(schema: ScratchSchema, topic: Topic) -> dict[str, float]:
    """Event id -> when its commit had returned, on the clock that all processes share."""
    committed: dict[str, float] = {}
    due = time.monotonic()
    for _ in range(EVENTS):
        due += EVERY
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        id_ = await commit(schema, topic)
        committed[id_] = time.monotonic()
    return committed


async def commit(schema: ScratchSchema, topic: Topic) -> str:
    message = fact(new_asset_id(), 1, topic)
    async with schema.database.write() as session:
        await append(session, message)
    return str(message.envelope.id)


@asynccontextmanager
async def handling(kafka: KafkaSettings, topic: Topic) -> AsyncIterator[dict[str, float]]:
    """What the other process says that its handler got, and when."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.latency", kafka.bootstrap, topic.name,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    heard: dict[str, float] = {}

    async def listen(out: asyncio.StreamReader) -> None:
        async for line in out:
            id_, at = line.split()
            heard[id_.decode()] = float(at)

    assert child.stdout is not None
    async with asyncio.TaskGroup() as group:
        listener = group.create_task(listen(child.stdout))
        yield heard
        child.kill()
        await child.wait()
        await listener


async def handle_all(bootstrap: str, name: str) -> None:
    """The other process: prints id and time of each event until it is killed."""
    kafka = KafkaSettings(bootstrap=bootstrap)
    topic = Topic(name, UPLOADS.producers, UPLOADS.key, UPLOADS.policy, UPLOADS.partitions)

    async def handle(received: Received) -> None:
        print(received.envelope.id, time.monotonic(), flush=True)

    def build() -> tuple[KafkaBroker, list[ReliableSubscriber]]:
        broker = build_broker(kafka, "catalog")
        letters = DeadLetters(kafka, "catalog")
        lane = Lane(unique("catalog.uploads"), topic, handle, letters, Metrics("catalog"))
        return broker, [ReliableSubscriber(broker, lane)]

    await run_consumers(kafka, build)(asyncio.Event())


if __name__ == "__main__":
    configure_for_commands()
    uvloop.run(handle_all(*sys.argv[1:]))
