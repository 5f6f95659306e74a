"""Copies of the topics that recovery reads, filled with what a catalog heard and told."""

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaProducer
from services.catalog.tests.ways_in import GRACE

from catalog.recovery.adapters.kafka_log import BATCH, KafkaLog
from catalog.recovery.assembly import TOPICS, build_rebuild, build_untold, open_log
from catalog.recovery.ports import Progress
from catalog.recovery.usecases.rebuild_rows import RebuildRows
from catalog.recovery.usecases.tell_untold import TellUntold
from common.clock import Clock, SystemClock
from common.events import Message, Received
from common.kafka.topics import apply
from common.postgres.engine import Database
from common.settings.groups import KafkaSettings
from common.testing.kafka import scratch_topic

Raw = tuple[str, bytes | None, list[tuple[str, bytes | None]], bytes | None]
"""Topic, key, headers, value."""


class Unwatched:
    """Progress that nobody sees; it counts what was done in each step."""

    def __init__(self) -> None:
        self.steps: dict[str, int] = {}
        self._step = ""

    def begin(self, step: str, total: int | None) -> None:
        self._step = step
        self.steps.setdefault(step, 0)

    def advance(self, count: int) -> None:
        self.steps[self._step] += count


class ScratchLog:
    """One log that no other test has."""

    def __init__(self, bootstrap: str) -> None:
        self.kafka = KafkaSettings(bootstrap=bootstrap)
        self.places = {topic.name: scratch_topic(topic) for topic in TOPICS}
        self.progress: Progress = Unwatched()
        self.batch = BATCH

    async def make(self) -> "ScratchLog":
        await apply(self.kafka, list(self.places.values()))
        return self

    def producing(self) -> AbstractAsyncContextManager[AIOKafkaProducer]:
        return AIOKafkaProducer(
            bootstrap_servers=self.kafka.bootstrap, acks="all", enable_idempotence=True, linger_ms=5
        )

    async def hear(self, inputs: Iterable[Received]) -> None:
        """The facts and details of the other services, in this order."""
        async with self.producing() as producer:
            for item in inputs:
                topic = "media.details.v1" if "/" in item.key else _topic(item)
                value = None if item.event is None else item.event.model_dump_json().encode()
                await producer.send(
                    self.places[topic].name,
                    value,
                    key=item.key.encode(),
                    headers=item.envelope.to_headers(),
                )

    async def tell(self, messages: Iterable[Message]) -> None:
        """What the catalog told, in the order of its outbox."""
        async with self.producing() as producer:
            for message in messages:
                await producer.send(
                    self.places[message.topic].name,
                    message.payload,
                    key=message.key.encode(),
                    headers=message.headers(),
                )

    async def put(self, records: Iterable[Raw]) -> None:
        """Anything at all, as any producer could write it."""
        sending: list[asyncio.Future[Any]] = []
        async with self.producing() as producer:
            for topic, key, headers, value in records:
                sent: list[Any] = headers
                place = self.places[topic].name
                sending.append(await producer.send(place, value, key=key, headers=sent))
            await asyncio.gather(*sending)

    def log(self) -> KafkaLog:
        return replace(open_log(self.kafka, self.places), batch=self.batch)

    def rebuild(
        self, database: Database, *, clock: Clock | None = None, grace: timedelta = GRACE
    ) -> RebuildRows:
        return build_rebuild(
            database,
            self.log(),
            grace=grace,
            clock=clock or SystemClock(),
            progress=self.progress,
            places=self.places,
        )

    def untold(self, database: Database, *, clock: Clock | None = None) -> TellUntold:
        return build_untold(
            database, grace=GRACE, clock=clock or SystemClock(), progress=self.progress
        )


def _topic(item: Received) -> str:
    assert item.event is not None
    return item.event.TOPIC.name
