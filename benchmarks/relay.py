"""How many events a relay publishes in a second, and how long one takes from commit to handler.

    python benchmarks/relay.py --kafka HOST:PORT --postgres postgresql://admin@HOST:PORT/postgres

Real broker, real database, a schema and a topic of its own. Order per key is checked on what
arrived. One machine, one run: compare figures of the same run only.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from uuid import UUID

import uvloop
from aiokafka import AIOKafkaConsumer
from sqlalchemy import text

from common.clock import SystemClock
from common.events import Message, UploadWithdrawn, new_message
from common.events.topics import UPLOAD_GATEWAY, UPLOADS, WATERMARKS, Topic
from common.ids import new_asset_id, new_upload_id
from common.kafka.producer import TransactionalSender
from common.kafka.topics import apply
from common.postgres.outbox import PostgresOutboxSource, append
from common.postgres.schema import OUTBOX_V1
from common.relay.relay import Relay
from common.settings.groups import KafkaSettings
from common.telemetry.metrics import Metrics
from common.testing.kafka import Record, read_all, redirected, scratch_topic, unique
from common.testing.postgres import ScratchSchema, scratch


def fact(asset: UUID, sequence: int, topic: Topic) -> Message:
    event = UploadWithdrawn(
        asset_id=asset, upload_id=new_upload_id(), user_id=new_asset_id(), kind="audio"
    )
    message = new_message(
        event, source=UPLOAD_GATEWAY, key=str(asset), sequence=sequence, clock=SystemClock()
    )
    return redirected(message, topic)


async def fill(schema: ScratchSchema, topic: Topic, rows: int, keys: int) -> None:
    assets = [new_asset_id() for _ in range(keys)]
    for start in range(0, rows, 1000):
        async with schema.database.write() as session:
            for n in range(start, min(start + 1000, rows)):
                await append(session, fact(assets[n % keys], n // keys + 1, topic))


def relay_of(schema: ScratchSchema, kafka: KafkaSettings, topic: Topic, batch: int) -> Relay:
    id_ = unique("benchmark")
    return Relay(
        PostgresOutboxSource(schema.url, "any", schema=schema.name),
        lambda: TransactionalSender(kafka, id_, UPLOAD_GATEWAY, topics=[topic, WATERMARKS]),
        service=UPLOAD_GATEWAY,
        clock=SystemClock(),
        metrics=Metrics("benchmark"),
        wake=schema.database.wake("outbox"),
        batch=batch,
    )


async def drained(schema: ScratchSchema) -> None:
    waiting = text("SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)")
    while True:
        async with schema.database.read() as session:
            if not await session.scalar(waiting):
                return
        await asyncio.sleep(0.02)


async def throughput(
    schema: ScratchSchema, kafka: KafkaSettings, rows: int, keys: int, batch: int
) -> tuple[float, float]:
    """Events per second, and microseconds of this process's own time that each took."""
    topic = scratch_topic(UPLOADS)
    await apply(kafka, [topic, WATERMARKS])
    await fill(schema, topic, rows, keys)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        began, cpu = time.perf_counter(), time.process_time()
        group.create_task(relay_of(schema, kafka, topic, batch).loop(stop))
        await drained(schema)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        stop.set()
    check_order(await read_all(kafka, topic, until=lambda found: len(found) >= rows, timeout=120))
    return rows / took, cpu / rows * 1e6


def check_order(records: Sequence[Record]) -> None:
    last: dict[bytes, int] = {}
    for record in records:
        sequence = int(dict(record.headers)["ce_sequence"])
        key = record.key or b""
        if sequence != last.get(key, 0) + 1:
            raise SystemExit(f"order of a key is broken: {last.get(key, 0)} then {sequence}")
        last[key] = sequence


async def latency(schema: ScratchSchema, kafka: KafkaSettings, events: int) -> list[float]:
    """Milliseconds from commit to a read-committed consumer's hands, one event at a time."""
    topic = scratch_topic(UPLOADS)
    await apply(kafka, [topic, WATERMARKS])
    consumer = AIOKafkaConsumer(
        topic.name,
        bootstrap_servers=kafka.bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    stop = asyncio.Event()
    took: list[float] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(relay_of(schema, kafka, topic, 1000).loop(stop))
        for _ in range(events):
            async with schema.database.write() as session:
                await append(session, fact(new_asset_id(), 1, topic))
            began = time.perf_counter()
            while not await consumer.getmany(timeout_ms=1000):
                pass
            took.append((time.perf_counter() - began) * 1000)
        stop.set()
    await consumer.stop()
    return took[5:]


async def main(options: argparse.Namespace) -> None:
    kafka = KafkaSettings(bootstrap=options.kafka)
    for batch in options.batch:
        async with scratch(options.postgres, ddl=OUTBOX_V1) as schema:
            rate, cost = await throughput(schema, kafka, options.rows, options.keys, batch)
            print(
                f"batch {batch}: {rate:,.0f} events/s, {cost:.0f} us of CPU each, in order per key"
            )
    async with scratch(options.postgres, ddl=OUTBOX_V1) as schema:
        took = await latency(schema, kafka, 205)
    p50, p99 = statistics.median(took), statistics.quantiles(took, n=100)[98]
    print(f"commit -> consumer: p50 {p50:.1f} ms, p99 {p99:.1f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--postgres", required=True)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--keys", type=int, default=1_000)
    parser.add_argument("--batch", type=int, nargs="+", default=[500, 1000, 2000])
    uvloop.run(main(parser.parse_args()))
