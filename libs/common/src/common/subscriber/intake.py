"""Takes one record from Kafka: when it returns, the record may be committed."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from common.errors import Corrupt, RepriseError, Unavailable
from common.events import Received, decode
from common.events.record import SourceRecord
from common.kafka.redelivery import is_failure
from common.subscriber.backoff import delay_after
from common.subscriber.lane import Fate, Lane, told
from common.subscriber.patience import Patience
from common.telemetry.logs import get_logger

SURPRISES = 5  # tries of a record whose handler fails in a way nobody foresaw

_log = get_logger("common.subscriber")


@dataclass(frozen=True, slots=True)
class _Refused:
    fate: Fate
    error: Exception
    attempts: int


class Intake:
    """Handled, parked, kept as a dead letter or skipped: one of these, durably.

    `behind` are the keys that wait: their records are parked without being tried.
    """

    def __init__(self, lane: Lane, patience: Patience) -> None:
        self._lane, self._patience = lane, patience
        self.behind: set[str] = set()

    async def look(self, keys: Collection[str]) -> None:
        """Learn which keys wait, before their records are taken.

        Once for each poll is enough. A row of a key comes in by this consumer itself; or by the one
        that had the partition before it and committed afterwards, so before this poll; or by an
        operator who redrives a record that others have overtaken long ago. A row that goes
        meanwhile costs a detour: its followers are parked, and drained at once.
        """
        parking = self._lane.parking
        if parking is not None:

            async def ask() -> None:
                self.behind = set(await parking.parked(keys))

            await self._insist(ask)

    async def take(self, record: SourceRecord) -> None:
        """Raises Interrupted when it could not be done now; the record comes again then."""
        try:
            received = decode(record.key, record.headers, record.value)
        except Corrupt as error:
            await self._put_aside(record, None, _Refused("dead_letter", error, 1))
            return
        if self._lane.skips(received):
            self._lane.metrics.unknown.inc()
            kind = received.envelope.type
            _log.warning("consumer.unknown_type", group=self._lane.group, type=kind)
            return
        with self._lane.traced(received):
            await self._take(record, received)

    async def _take(self, record: SourceRecord, received: Received) -> None:
        if received.key in self.behind:
            await self._insist(
                lambda: self._lane.park(record, received.envelope, reason="behind", attempts=0)
            )
        elif refused := await self._run(received):
            await self._put_aside(record, received, refused)
        else:
            self._lane.succeeded(received.envelope)
            self._lane.gate.succeeded()
        self._patience.forget()

    async def _run(self, received: Received) -> _Refused | None:
        """Call the handler as often as it takes; None when it had its effect."""
        attempts = surprises = 0
        while True:
            attempts += 1
            try:
                await self._lane.run(received)
            except RepriseError as error:
                if (fate := self._lane.fate(error)) != "retry":
                    return _Refused(fate, error, attempts)
                _log.warning("consumer.retry", group=self._lane.group, code=error.code)
            except Exception as error:  # noqa: BLE001 (counted, logged, and never dropped)
                surprises += 1
                _log.exception("consumer.surprise", group=self._lane.group, attempt=surprises)
                if surprises >= SURPRISES:
                    return _Refused(self._lane.fate(error), error, attempts)
            else:
                return None
            await self._patience.wait()

    async def _put_aside(
        self, record: SourceRecord, received: Received | None, refused: _Refused
    ) -> None:
        lane, error, attempts = self._lane, refused.error, refused.attempts
        if received is None or refused.fate == "dead_letter":
            await self._insist(lambda: lane.give_up(record, error, attempts))
        else:
            (reason, detail), envelope = told(error), received.envelope
            _log.warning("consumer.parked", group=lane.group, reason=reason)
            delay = delay_after(error, attempts)
            await self._insist(
                lambda: lane.park(
                    record, envelope, reason=reason, detail=detail, attempts=attempts, delay=delay
                )
            )
            self.behind.add(received.key)
        if is_failure(error):
            await lane.gate.failed()

    async def _insist(self, deed: Callable[[], Awaitable[None]]) -> None:
        """What only a part that does not answer can keep from being done."""
        while True:
            try:
                await deed()
            except Unavailable as error:
                _log.warning("consumer.retry", group=self._lane.group, code=error.code)
                await self._patience.wait()
            else:
                return
