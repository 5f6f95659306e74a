"""A consumer that never loses a record: its offset is committed strictly after its effect."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker, KafkaMessage

from common.events.codec import key_text
from common.events.record import SourceRecord
from common.kafka.broker import records_of, subscribe
from common.kafka.log_watch import ClientDead, LogLost, LogWatch
from common.subscriber import positions
from common.subscriber.batch import take_together
from common.subscriber.intake import Intake
from common.subscriber.lane import Lane
from common.subscriber.patience import Interrupted, Patience
from common.telemetry.logs import get_logger

Record = ConsumerRecord[Any, Any]

BATCH = 500  # records; also the most that is read again after a crash

_log = get_logger("common.subscriber")


class ReliableSubscriber:
    """Reads the lane's topic as its group and calls its handler for each record, in order.

    The handler commits its effect before it returns and must bear the same record twice. What it
    raises decides:

    - Unavailable, Throttled: tried again in place, with backoff, as often as it takes; the
      partition waits, because nothing behind the record would fare better.
    - Conflict and NotYet, and after five tries anything nobody foresaw: the record is parked with
      its key, and the partition goes on. So is every later record of the key, until the Retrier
      has drained it.
    - other kinds of common.errors: dead letter at once.

    A record without our envelope or with a value its model refuses is a dead letter without
    reaching the handler; a tombstone has `event` None; types unknown here: see Lane. Records of
    compacted topics are never dead letters. A group that fails as a rule stops by its fuse.
    """

    def __init__(self, broker: KafkaBroker, lane: Lane, *, session_timeout: int = 45) -> None:
        self.lane = lane
        self._patience = Patience(lane.gate, lane.metrics, lane.clock)
        self._intake = Intake(lane, self._patience)
        self._watch: LogWatch | None = None
        self._subscription = subscribe(
            broker,
            lane.topic.name,
            group=lane.group,
            max_records=BATCH,
            session_timeout=session_timeout,
        )
        self._subscription(self._batch)

    @property
    def stopping(self) -> asyncio.Event:
        """Set it to have the batch in hand left after its present record."""
        return self._patience.stopping

    def follow_fuse(self) -> None:
        """Hold or let go what is assigned now, as the gate says."""
        consumer = self._subscription.consumer
        if consumer is not None:
            positions.hold(consumer) if self.lane.gate.reason else positions.let_go(consumer)

    async def refuse_lost_log(self) -> None:
        """Raises LogLost or ClientDead once this consumer can read no more; TimeoutError."""
        if self._subscription.consumer is not None:
            (await self._watched(self._subscription.consumer)).refuse()

    async def _watched(self, consumer: AIOKafkaConsumer) -> LogWatch:
        if self._watch is None or self._watch.consumer is not consumer:
            self._watch = await LogWatch.attach(consumer, self.lane.topic.name)
        return self._watch

    async def _batch(self, message: KafkaMessage) -> None:
        """One poll: all effects, then one commit of the group's positions.

        Whatever ends it early must keep the next poll from committing past the rest: a commit
        covers the position, and the library swallows what is raised here.
        """
        records, done = records_of(message), positions.Done()
        consumer = cast("AIOKafkaConsumer", message.consumer)
        try:
            watch = await self._watched(consumer)
            watch.refuse()
            await self._take(records, done)
            await watch.unless_lost(message.ack())
        except Interrupted:
            await self._leave(consumer, records, done)
        except (LogLost, ClientDead) as error:
            # the loop begins anew; what is done here is known when it comes again
            _log.error("consumer.log_lost", group=self.lane.group, code=error.code)
        except KafkaError as error:
            # a rebalance took the partitions: the records come again and are known by then
            _log.warning(
                "consumer.commit.failed", group=self.lane.group, error=type(error).__name__
            )
        except Exception:  # noqa: BLE001 (logged, and what it met is read again)
            _log.exception("consumer.batch.broken", group=self.lane.group)
            await self._leave(consumer, records, done)
            await self._rest()

    async def _take(self, records: Sequence[Record], done: positions.Done) -> None:
        self._patience.begin()
        sources = [SourceRecord.of(record) for record in records]
        await self._intake.look({key_text(source.key) for source in sources})
        taken = await take_together(self.lane, sources, self._intake.behind)
        for number, (record, source) in enumerate(zip(records, sources, strict=True)):
            self._patience.check()
            if number not in taken:
                await self._intake.take(source)
            done[positions.place_of(record)] = record.offset + 1

    async def _leave(
        self, consumer: AIOKafkaConsumer, records: Sequence[Record], done: positions.Done
    ) -> None:
        if self._watch is not None:
            await positions.commit(self._watch, done)
        positions.rewind(consumer, records, done)
        self.follow_fuse()

    async def _rest(self) -> None:
        try:
            await self._patience.wait()
        except Interrupted:
            return
