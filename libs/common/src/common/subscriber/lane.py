"""What the two ways into a handler share: from Kafka, and from a row where the record waited."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal

from common.clock import Clock, SystemClock
from common.errors import NotYet, RepriseError, TooLarge
from common.events import Envelope, Received
from common.events.record import SourceRecord
from common.events.topics import Topic
from common.failpoints import failpoint
from common.kafka.redelivery import is_failure, verdict
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.gate import Gate
from common.subscriber.metrics import SubscriberMetrics
from common.subscriber.patience import Interrupted
from common.subscriber.port import Fuse, ParkingLot
from common.telemetry.duplicates import counting
from common.telemetry.logs import bind_event, get_logger
from common.telemetry.metrics import Metrics
from common.telemetry.tracing import span_from

Handle = Callable[[Received], Awaitable[None]]
HandleMany = Callable[[Sequence[Received]], Awaitable[None]]
Fate = Literal["retry", "park", "dead_letter"]

# keys; past it, records that merely came too early wait in place: whole topics read again from
# their beginning must not move into rows
MOST_KEYS = 10_000

_log = get_logger("common.subscriber")


class Lane:
    """One consumer group: its handler, and where records go that it does not take.

    `handle_many` takes the records of one poll, in as few transactions as it can: for projectors.
    When it raises, all of them are handled one by one, also those it had done. Without `parking`
    what should wait is a dead letter. `unknown` hands types over that this version does not know;
    else a fact of one waits for a version that does, and a record of a compacted topic is skipped:
    its next state comes by itself. `waiting` is how many keys wait.
    """

    def __init__(
        self,
        group: str,
        topic: Topic,
        handle: Handle,
        dead_letters: DeadLetters,
        metrics: Metrics,
        *,
        handle_many: HandleMany | None = None,
        parking: ParkingLot | None = None,
        fuse: Fuse | None = None,
        unknown: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self.group, self.topic = group, topic
        self.handle_many, self.parking = handle_many, parking
        self.metrics, self.clock = SubscriberMetrics(metrics, group), clock or SystemClock()
        self.gate = Gate(group, fuse, self.metrics)
        self.waiting = 0
        self._handle, self._dead_letters, self._unknown = handle, dead_letters, unknown

    def skips(self, received: Received) -> bool:
        """Whether the record is of a type that is nobody's loss here."""
        lasting = self.parking is not None and self._keeps_letters
        return received.unknown and not self._unknown and not lasting

    async def run(self, received: Received) -> None:
        """Call the handler; raises what it raises, and NotYet for a type of a newer version."""
        if received.unknown and not self._unknown:
            raise NotYet(f"{received.envelope.type} is not known here", code="unknown_type")
        await failpoint("consumer.before_effect")
        with counting(self.metrics.duplicates.inc):
            await self._handle(received)
        await failpoint("consumer.after_effect")

    def succeeded(self, envelope: Envelope) -> None:
        """Count a record whose effect is committed."""
        self.metrics.handled.inc()
        self.metrics.age.set((self.clock.now() - envelope.time).total_seconds())

    @contextmanager
    def traced(self, received: Received) -> Iterator[None]:
        """The record's own trace, and its id in every log line."""
        envelope = received.envelope
        with span_from(envelope.traceparent, f"process {self.topic.name}"), bind_event(envelope.id):
            yield

    def fate(self, error: Exception) -> Fate:
        """What becomes of a record that raised this for the last time."""
        said = verdict(error) if isinstance(error, RepriseError) else "park"
        if said == "park" and self.waiting >= MOST_KEYS and not is_failure(error):
            return "retry"
        if said == "retry" or self.parking is None:
            return "dead_letter" if said == "park" else said
        return said if self._keeps_letters else "park"

    async def park(
        self,
        record: SourceRecord,
        envelope: Envelope,
        *,
        reason: str,
        detail: str = "",
        attempts: int,
        delay: timedelta = timedelta(),
    ) -> None:
        """Put the record where its key waits. A full key stops the group and the batch."""
        assert self.parking is not None  # noqa: S101 (fate says dead_letter without one)
        try:
            await self.parking.park(
                record, envelope, reason=reason, detail=detail, attempts=attempts, delay=delay
            )
        except TooLarge as error:
            await self.gate.shut(error.code)
            raise Interrupted from error
        self.metrics.parked(reason)
        await failpoint("consumer.after_park")

    async def give_up(self, record: SourceRecord, error: Exception, attempts: int) -> None:
        """Durable as a dead letter when this returns; records with names are only counted."""
        reason, detail = told(error)
        _log.error(
            "consumer.dead_letter",
            group=self.group,
            reason=reason,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
        )
        if self._keeps_letters:
            await self._dead_letters.put(
                record,
                self.topic,
                self.group,
                reason=reason,
                detail=detail,
                error=error,
                attempts=attempts,
            )
            await failpoint("consumer.after_dead_letter")
        self.metrics.dead(reason)

    @property
    def _keeps_letters(self) -> bool:
        return self._dead_letters.accepts(self.topic)


def told(error: Exception) -> tuple[str, str]:
    """The stable code and the sentence of an error; of a foreign one only its kind."""
    if isinstance(error, RepriseError):
        return error.code, error.detail
    return "unexpected", type(error).__name__
