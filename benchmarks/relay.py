"""How many events a relay publishes in a second, beside two that do it otherwise.

The same rows, the same loop: a transaction for each record, and an idempotent producer without
transactions, which would let a zombie write. Order per key is checked on what arrived.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from benchmarks.place import Place, fact, half_kilobyte
from benchmarks.table import Row

from common.clock import SystemClock
from common.events import Message
from common.events.topics import UPLOAD_GATEWAY, UPLOADS, WATERMARKS, Topic
from common.ids import new_asset_id
from common.kafka.producer import TransactionalSender
from common.kafka.topics import apply
from common.postgres.outbox import PostgresOutboxSource, append
from common.postgres.outbox_overview import pending
from common.relay.relay import Relay, SenderFactory
from common.settings.groups import KafkaSettings
from common.telemetry.metrics import Metrics
from common.testing.kafka import Record, read_all, scratch_topic, unique
from common.testing.postgres import ScratchSchema

BATCHES = (500, 1000, 2000)
ONE_BY_ONE = 500  # rows: at a few dozen a second
ROUNDS = 2  # the better one counts: what else the machine does only ever takes away
AT_ONCE = 1000  # rows appended in a transaction


class IdempotentSender:
    """No transaction and so no fence: what was sent when something fails stays sent."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def send_batch(
        self,
        messages: Sequence[Message],
        *,
        within: float,
    ) -> list[tuple[int, int]]:
        futures = [
            await self._producer.send(m.topic, m.payload, key=m.key.encode(), headers=m.headers())
            for m in messages
        ]
        await self._producer.flush()
        return [(sent.partition, sent.offset) for sent in (future.result() for future in futures)]


@asynccontextmanager
async def idempotent(kafka: KafkaSettings) -> AsyncIterator[IdempotentSender]:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, enable_idempotence=True, max_batch_size=131_072
    )
    await producer.start()
    try:
        yield IdempotentSender(producer)
    finally:
        await producer.stop()


def transactional(kafka: KafkaSettings, topic: Topic) -> SenderFactory:
    id_ = unique("benchmark")
    return lambda: TransactionalSender(kafka, id_, UPLOAD_GATEWAY, topics=[topic, WATERMARKS])


def relay_of(schema: ScratchSchema, senders: SenderFactory, batch: int = 1000) -> Relay:
    return Relay(
        PostgresOutboxSource(schema.url, "any", schema=schema.name),
        senders,
        service=UPLOAD_GATEWAY,
        clock=SystemClock(),
        metrics=Metrics("benchmark"),
        wake=schema.database.wake("outbox"),
        batch=batch,
    )


async def fresh_topic(kafka: KafkaSettings) -> Topic:
    topic = scratch_topic(UPLOADS)
    await apply(kafka, [topic, WATERMARKS])
    return topic


async def fill(schema: ScratchSchema, topic: Topic, rows: int, keys: int) -> None:
    assets = [new_asset_id() for _ in range(keys)]
    for start in range(0, rows, AT_ONCE):
        async with schema.database.write() as session:
            for n in range(start, min(start + AT_ONCE, rows)):
                message = fact(assets[n % keys], n // keys + 1, topic)
                await append(session, half_kilobyte(message))


async def drained(schema: ScratchSchema) -> None:
    while True:
        async with schema.database.read() as session:
            if not await pending(session):
                return
        await asyncio.sleep(0.02)


async def rate(place: Place, rows: int, batch: int, *, fenced: bool = True) -> tuple[float, float]:
    """Events per second, and microseconds of this process's own time that each took."""
    async with place.outbox() as schema:
        topic = await fresh_topic(place.kafka)
        await fill(schema, topic, rows, place.keys)
        senders = transactional(place.kafka, topic) if fenced else lambda: idempotent(place.kafka)
        relay, stop = relay_of(schema, senders, batch), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            began, cpu = time.perf_counter(), time.process_time()
            group.create_task(relay.loop(stop))
            await drained(schema)
            took, cpu = time.perf_counter() - began, time.process_time() - cpu
            stop.set()
        found = await read_all(place.kafka, topic, until=lambda all_: len(all_) >= rows, timeout=60)
        check_order(found)
    return rows / took, cpu / rows * 1e6


def check_order(records: Sequence[Record]) -> None:
    last: dict[bytes, int] = {}
    for record in records:
        sequence = int(dict(record.headers)["ce_sequence"])
        key = record.key or b""
        if sequence != last.get(key, 0) + 1:
            raise SystemExit(f"order of a key is broken: {last.get(key, 0)} then {sequence}")
        last[key] = sequence


async def measure(place: Place) -> list[Row]:
    rates = dict.fromkeys(BATCHES, (0.0, 0.0))
    unfenced, naive = 0.0, 0.0
    for _ in range(ROUNDS):
        for batch in BATCHES:
            rates[batch] = max(rates[batch], await rate(place, place.rows, batch))
        unfenced = max(unfenced, (await rate(place, place.rows, 1000, fenced=False))[0])
        naive = max(naive, (await rate(place, ONE_BY_ONE, 1))[0])
    ours = rates[1000][0]
    rows = [
        Row(f"relay, {batch} rows of 0.5 kB a batch", f"{each:,.0f} events/s", f"{cost:.0f} us CPU")
        for batch, (each, cost) in rates.items()
    ]
    return [
        *rows,
        Row("relay, a transaction for each record", f"{naive:,.0f} events/s", _times(ours, naive)),
        Row("relay, 1000 a batch, not fenced", f"{unfenced:,.0f} events/s", _times(ours, unfenced)),
    ]


def _times(ours: float, other: float) -> str:
    return f"ours at 1000: {ours / other:.2f}x of it"
