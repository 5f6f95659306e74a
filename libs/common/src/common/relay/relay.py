"""Outbox rows to topics: one leader, one Kafka transaction per batch, watermarks (design §3)."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime

from opentelemetry.trace import NoOpTracer, Tracer

from common.clock import Clock
from common.errors import RepriseError, Unavailable
from common.events import Message, Watermark, new_message
from common.failpoints import failpoint
from common.kafka.producer import Fenced, TopicMissing
from common.relay.metrics import RelayMetrics
from common.relay.port import OutboxSource, Row, Sender
from common.relay.spans import send_span
from common.telemetry.liveness import beat
from common.telemetry.logs import get_logger
from common.telemetry.metrics import Metrics

SenderFactory = Callable[[], AbstractAsyncContextManager[Sender]]

BATCH = (
    1000  # rows in one transaction: 18-25 k/s; a transaction of one row takes 28 ms (events.md 2.4)
)
BATCH_BYTES = 4 * 1024 * 1024  # of payload in one transaction: what bounds the memory of a backlog
POLL = 0.1  # seconds, for rows that other processes of the service wrote
WATERMARK_EVERY = 1.0  # seconds
UPKEEP_EVERY = 3600.0  # seconds
FLUSH = 2.0  # seconds for what is left when the process ends
STANDBY = 1.0  # seconds between tries to become the leader
RETRY_FIRST, RETRY_CAP = 0.25, 2.0  # seconds
# How long a batch may take. A broker that came back may leave a transaction hanging that it knew
# before; a new producer ends that at once, so we do not wait for the broker's own time-out (10 s).
# One that is only slow is granted twice what its last batch took, or was given up after.
PATIENCE_FIRST, PATIENCE_CAP = 3.0, 9.0  # seconds

_log = get_logger("common.relay")


class Relay:
    """Publishes what the source holds.

    Only the leader sends; a leader that was replaced is fenced by the broker.

    At least once: a crash between Kafka's commit and the mark sends a batch again, in the same
    order. `wake` is set by commits of this process. `clock` is only used for intervals and for the
    time written into watermark envelopes. Without `watermarks` nobody is told how far it has come.
    """

    def __init__(
        self,
        source: OutboxSource,
        sender_factory: SenderFactory,
        *,
        service: str,
        clock: Clock,
        metrics: Metrics,
        wake: asyncio.Event,
        batch: int = BATCH,
        batch_bytes: int = BATCH_BYTES,
        watermarks: bool = True,
        tracer: Tracer | None = None,
    ) -> None:
        self._source, self._sender_factory = source, sender_factory
        self._service, self._clock, self._wake, self._batch = service, clock, wake, batch
        self._batch_bytes, self._watermarks = batch_bytes, watermarks
        self._metrics, self._tracer = RelayMetrics(metrics), tracer or NoOpTracer()
        self._told = self._sampled = self._kept = float("-inf")
        self._delay = RETRY_FIRST
        self._patience, self._limit = PATIENCE_FIRST, batch

    async def loop(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set (a `Loop` of common.web.server)."""
        try:
            while not stop.is_set():
                try:
                    await self._term(stop)
                except Unavailable as error:
                    await self._pause(error)
        finally:
            self._metrics.leader.set(0)
            await self._source.resign()

    async def _term(self, stop: asyncio.Event) -> None:
        """From becoming the leader to losing it."""
        if not await self._source.lead():
            self._metrics.leader.set(0)
            beat()
            await asyncio.sleep(STANDBY)
            return
        self._metrics.leader.set(1)
        _log.info("relay.leading", service=self._service)
        self._kept = float("-inf")
        while not stop.is_set():
            try:
                async with self._sender_factory() as sender:
                    self._metrics.topics_missing.set(0)
                    await self._publish(sender, stop)
            except RepriseError as error:
                await self._after_failure(error)

    async def _after_failure(self, error: RepriseError) -> None:
        """The sender is closed; only who still holds the lock may open another."""
        if isinstance(error, Fenced):
            self._metrics.fenced.inc()
        if isinstance(error, TopicMissing):
            self._metrics.topics_missing.set(len(error.topics))
            _log.error("relay.topics_missing", service=self._service, topics=error.topics)
        if not await self._source.still_leader():
            self._metrics.leader.set(0)
            raise Unavailable("the leader's lock is lost", code="not_leader") from error
        await self._sample()
        await self._pause(error)

    async def _pause(self, error: RepriseError) -> None:
        beat()
        _log.warning("relay.retry", service=self._service, code=error.code, delay=self._delay)
        await asyncio.sleep(self._delay)
        self._delay = min(self._delay * 2, RETRY_CAP)

    async def _publish(self, sender: Sender, stop: asyncio.Event) -> None:
        """Until `stop`, and then what is left, for a moment: what made it has stopped before."""
        until: float | None = None
        while until is None or self._clock.monotonic() < until:
            if until is None and stop.is_set():
                until = self._clock.monotonic() + FLUSH
            beat()
            await self._upkeep()
            self._wake.clear()
            rows, read_at, drained = await self._source.fetch(self._limit, self._batch_bytes)
            if rows:
                await failpoint("relay.after_fetch")
            await self._send(sender, rows, read_at if drained else None)
            self._delay = RETRY_FIRST
            await self._sample()
            if drained and until is not None:
                return
            if drained:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL)

    async def _send(self, sender: Sender, rows: Sequence[Row], drained_at: datetime | None) -> None:
        messages = [message for _, message in rows]
        due = drained_at if self._watermark_due() else None
        if due is not None:
            messages.append(self._watermark(due))
        if not messages:
            return
        places = await self._sent(sender, messages)
        if rows:
            await failpoint("relay.after_commit")
        if due is not None:
            self._told = self._clock.monotonic()
            self._metrics.watermark.told(due)
        if rows:
            await self._source.mark(
                [(row[0], *place) for row, place in zip(rows, places, strict=False)]
            )
            self._metrics.published.inc(len(rows))
            await failpoint("relay.after_mark")

    async def _sent(self, sender: Sender, messages: Sequence[Message]) -> list[tuple[int, int]]:
        """One batch; after a failure the next are smaller, after a success larger again.

        So a batch that is too large to end in time cannot hold up the outbox for ever.
        """
        started = self._clock.monotonic()
        limit, self._limit = self._limit, max(1, len(messages) // 4)
        try:
            with send_span(self._tracer, messages):
                places = await sender.send_batch(messages, within=self._patience)
            self._limit = min(2 * limit, self._batch)
            return places
        finally:
            took = self._clock.monotonic() - started
            self._patience = min(max(PATIENCE_FIRST, 2 * took), PATIENCE_CAP)

    def _watermark_due(self) -> bool:
        return self._watermarks and self._clock.monotonic() - self._told >= WATERMARK_EVERY

    def _watermark(self, at: datetime) -> Message:
        # its sequence is the time itself: it grows across leaders and restarts without being stored
        return new_message(
            Watermark(service=self._service, at=at),
            source=self._service,
            key=self._service,
            sequence=int(at.timestamp() * 1_000_000),
            clock=self._clock,
        )

    async def _upkeep(self) -> None:
        now = self._clock.monotonic()
        if now - self._kept >= UPKEEP_EVERY:
            self._kept = now
            await self._source.upkeep()

    async def _sample(self) -> None:
        now = self._clock.monotonic()
        if now - self._sampled >= WATERMARK_EVERY:
            self._sampled = now
            rows, age = await self._source.backlog()
            self._metrics.pending.set(rows)
            self._metrics.oldest.set(age.total_seconds())
