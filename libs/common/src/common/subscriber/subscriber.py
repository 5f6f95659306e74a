"""A consumer that never loses a record: its offset is committed strictly after its effect."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker, KafkaMessage

from common.clock import Clock, SystemClock
from common.errors import Corrupt, RepriseError, Unavailable
from common.events import Received, decode
from common.events.topics import CONSUMERS, Topic
from common.failpoints import failpoint
from common.kafka.broker import records_of, subscribe
from common.kafka.redelivery import verdict
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.metrics import SubscriberMetrics
from common.telemetry.liveness import beat
from common.telemetry.logs import bind_event, get_logger
from common.telemetry.metrics import Metrics
from common.telemetry.tracing import span_from

Handle = Callable[[Received], Awaitable[None]]
Record = ConsumerRecord[Any, Any]

BATCH = 500  # records; also the most that is read again after a crash
SURPRISES = 5  # tries of a record whose handler fails in a way nobody foresaw
RETRY_FIRST, RETRY_CAP = 0.1, 30.0  # seconds

_log = get_logger("common.subscriber")


class Stopping(Exception):
    """The process is told to end while a record waits for its next try."""


class ReliableSubscriber:
    """Reads one topic as one group and calls `handle` for each record, in order.

    `handle` commits its effect before it returns and must bear the same record twice. What it
    raises decides: Unavailable, Throttled, Conflict: tried again in place, with backoff, as often
    as it takes, the partition waits; other kinds of common.errors: dead letter at once; anything
    else: dead letter after five tries. A record without our envelope or with a value its model
    refuses goes to the dead letter without reaching `handle`. A tombstone has `event` None. A type
    this version does not know is counted and skipped, unless `unknown` is true: then `handle` gets
    it (`received.unknown`).
    """

    def __init__(
        self,
        broker: KafkaBroker,
        *,
        group: str,
        handle: Handle,
        dead_letters: DeadLetters,
        metrics: Metrics,
        unknown: bool = False,
        topic: Topic | None = None,
        clock: Clock | None = None,
        session_timeout: int = 45,
    ) -> None:
        self.group, self.topic = group, topic or CONSUMERS[group]
        self._handle, self._dead_letters, self._unknown = handle, dead_letters, unknown
        self._metrics, self._clock = SubscriberMetrics(metrics, group), clock or SystemClock()
        self.stopping = asyncio.Event()
        self._broken = 0
        subscribe(
            broker,
            self.topic.name,
            group=group,
            max_records=BATCH,
            session_timeout=session_timeout,
        )(self._batch)

    async def _batch(self, message: KafkaMessage) -> None:
        """One poll: all effects, then one commit of the group's positions.

        Whatever ends it early must keep the next poll from committing past the rest: a commit
        covers the position, and the library swallows what is raised here.
        """
        records, done = records_of(message), dict[TopicPartition, int]()
        try:
            self._refuse_when_stopping()
            for record in records:
                self._refuse_when_stopping()
                await self._record(record)
                done[TopicPartition(record.topic, record.partition)] = record.offset + 1
            await message.ack()
            self._broken = 0
        except Stopping:
            await self._commit(message, done)
        except KafkaError as error:
            # a rebalance took the partitions: the records come again and are known by then
            _log.warning("consumer.commit.failed", group=self.group, error=type(error).__name__)
        except Exception:  # noqa: BLE001 (logged, and what it met is read again)
            _log.exception("consumer.batch.broken", group=self.group)
            await self._commit(message, done)
            _rewind(message, records, done)
            self._broken += 1
            await self._pause(self._broken)

    async def _commit(self, message: KafkaMessage, done: dict[TopicPartition, int]) -> None:
        """Keep what was done of a batch that is left in the middle; the rest comes again."""
        if done:
            with suppress(KafkaError):
                await _consumer(message).commit(done)

    async def _record(self, record: Record) -> None:
        try:
            received = decode(record.key, record.headers, record.value)
        except Corrupt as error:
            await self._give_up(record, error.code, error.detail)
            return
        if received.unknown and not self._unknown:
            self._metrics.unknown.inc()
            _log.warning("consumer.unknown_type", group=self.group, type=received.envelope.type)
            return
        envelope = received.envelope
        with span_from(envelope.traceparent, f"process {self.topic.name}"), bind_event(envelope.id):
            await self._until_done(record, received)
        self._metrics.handled.inc()
        self._metrics.lag.set((self._clock.now() - envelope.time).total_seconds())

    async def _until_done(self, record: Record, received: Received) -> None:
        surprises, attempt = 0, 0
        while True:
            self._refuse_when_stopping()
            try:
                await failpoint("consumer.before_effect")
                await self._handle(received)
                await failpoint("consumer.after_effect")
            except RepriseError as error:
                if verdict(error) == "dead_letter":
                    await self._give_up(record, error.code, error.detail)
                    return
                _log.warning("consumer.retry", group=self.group, code=error.code, attempt=attempt)
            except Exception as error:  # noqa: BLE001 (counted, logged, and never dropped)
                surprises += 1
                _log.exception("consumer.surprise", group=self.group, attempt=surprises)
                if surprises >= SURPRISES:
                    await self._give_up(record, "unexpected", type(error).__name__)
                    return
            else:
                return
            attempt += 1
            await self._pause(attempt)

    async def _give_up(self, record: Record, reason: str, detail: str) -> None:
        """Durable in the dead letter topic, or we do not go on."""
        _log.error(
            "consumer.dead_letter",
            group=self.group,
            reason=reason,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
        )
        attempt = 0
        while self._dead_letters.accepts(self.topic):
            self._refuse_when_stopping()
            try:
                await self._dead_letters.put(
                    record, self.topic, self.group, reason=reason, detail=detail
                )
                await failpoint("consumer.after_dead_letter")
                break
            except Unavailable:
                attempt += 1
                await self._pause(attempt)
        self._metrics.dead(reason)

    async def _pause(self, attempt: int) -> None:
        self._metrics.retries.inc()
        beat()
        delay = min(RETRY_FIRST * 2 ** min(attempt - 1, 20), RETRY_CAP)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), delay * random.uniform(0.5, 1))  # noqa: S311 (jitter)

    def _refuse_when_stopping(self) -> None:
        if self.stopping.is_set():
            raise Stopping


def _rewind(
    message: KafkaMessage, records: Sequence[Record], done: dict[TopicPartition, int]
) -> None:
    """Have the consumer read again what is not done; a partition it lost is another's to read."""
    first: dict[TopicPartition, int] = {}
    for record in records:
        partition = TopicPartition(record.topic, record.partition)
        if record.offset >= done.get(partition, 0):
            first.setdefault(partition, record.offset)
    for partition, offset in first.items():
        with suppress(KafkaError):
            _consumer(message).seek(partition, offset)


def _consumer(message: KafkaMessage) -> AIOKafkaConsumer:
    return cast("AIOKafkaConsumer", message.consumer)
