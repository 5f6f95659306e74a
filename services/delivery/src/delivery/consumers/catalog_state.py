"""The loop that keeps the serving index: state records in batches, from an offset of our own."""

import asyncio
from uuid import UUID

from prometheus_client import Counter

from common.clock import Clock
from common.errors import Unavailable
from common.events.topics import CATALOG_STATE, Topic
from common.settings.groups import KafkaSettings
from common.subscriber.state import OffsetGone, OnBatch, StateBatch, read_state
from common.subscriber.state_lag import StateLag
from common.telemetry.logs import get_logger
from common.telemetry.metrics import Metrics
from delivery.consumers.state_records import Skipped, asset_change, epoch_of
from delivery.domain.media import Change, DeniedAsset
from delivery.ports import IndexWriter, ServingIndex
from delivery.usecases.index_records import IndexRecords

GROUP = "delivery.catalog-state"  # in metrics only: the place is kept in the index

_log = get_logger("delivery.index")


class CatalogState:
    """Feeds `IndexRecords` until told to stop; the reader below waits while Kafka is away."""

    def __init__(
        self,
        settings: KafkaSettings,
        index_records: IndexRecords,
        writer: IndexWriter,
        metrics: Metrics,
        clock: Clock,
        topic: Topic = CATALOG_STATE,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._index_records = index_records
        self._writer = writer
        self._applied: Counter = metrics.counter(
            "index_records", "State records that changed the index."
        )
        self._denied: Counter = metrics.counter(
            "index_denied_records", "Records that this version cannot judge.", ["reason"]
        )
        self._lag = StateLag(metrics, GROUP, topic, clock)

    async def run(self, stop: asyncio.Event) -> None:
        """The loop."""
        if not await self._writer.take_over(stop):
            return
        epoch = await read_epoch(self._settings, self._topic, stop)
        if epoch is None:
            return
        offset = await self._index_records.start(epoch)
        _log.info("index.reading", epoch=str(epoch), offset=offset)
        try:
            await read_state(
                self._settings,
                self._topic,
                start_offset=offset,
                on_batch=self._take,
                stop=stop,
            )
        except OffsetGone:
            # the supervisor calls again at once, and the epoch is then read anew
            _log.warning("index.offset_gone", offset=offset)
            await self._index_records.start_over(epoch)

    async def _take(self, batch: StateBatch) -> None:
        changes: list[Change] = []
        for record in batch.records:
            change = asset_change(record)
            if isinstance(change, Change):
                changes.append(change)
            self._count(change)
        counted = await self._index_records(
            changes, next_offset=batch.next_offset, caught_up=batch.caught_up
        )
        self._applied.inc(counted)
        self._lag.read(batch)

    def _count(self, change: Change | Skipped) -> None:
        if isinstance(change, Skipped) and change.reason:
            self._denied.labels(change.reason).inc()
        if isinstance(change, Change) and isinstance(change.entry, DeniedAsset):
            self._denied.labels(change.entry.reason).inc()


async def read_epoch(settings: KafkaSettings, topic: Topic, stop: asyncio.Event) -> UUID | None:
    """The log's own name, from its first record; None when stopped before it could be read."""
    found: list[UUID] = []
    enough = asyncio.Event()

    async def look(batch: StateBatch) -> None:
        found.extend(filter(None, map(epoch_of, batch.records[:1])))
        if batch.records:
            enough.set()

    await read_until(settings, topic, start_offset=0, on_batch=look, stop=stop, enough=enough)
    if not found and not stop.is_set():
        # refusing to guess: without an epoch a lost log could pass for the one we know
        _log.error("index.no_epoch", topic=topic.name)
    return found[0] if found else None


async def read_until(
    settings: KafkaSettings,
    topic: Topic,
    *,
    start_offset: int,
    on_batch: OnBatch,
    stop: asyncio.Event,
    enough: asyncio.Event,
) -> None:
    """Read the topic until `enough` or `stop` is set. Raises OffsetGone."""
    async with asyncio.TaskGroup() as group:
        leaving = group.create_task(_pass_on(stop, enough))
        try:
            await read_state(
                settings, topic, start_offset=start_offset, on_batch=on_batch, stop=enough
            )
        finally:
            leaving.cancel()


async def _pass_on(stop: asyncio.Event, enough: asyncio.Event) -> None:
    await stop.wait()
    enough.set()


def watch_index(index: ServingIndex, clock: Clock, metrics: Metrics) -> None:
    """Show the age of the index: over 30 s somebody should be told (design §4)."""

    def age() -> float:
        try:
            fresh_until = index.fresh_until()
        except Unavailable:
            return float("inf")
        return (clock.now() - fresh_until).total_seconds() if fresh_until else float("inf")

    def loaded() -> float:
        try:
            return float(index.loaded())
        except Unavailable:
            return 0.0

    metrics.gauge("index_age_seconds", "Age of what the index knows.").set_function(age)
    metrics.gauge("index_loaded", "1 once it was filled for this epoch.").set_function(loaded)
