"""The loop that takes over a rebuilt index: brings it up to the live one, then swaps them."""

import asyncio

from prometheus_client import Gauge

from common.clock import Clock
from common.errors import Conflict
from common.events.topics import CATALOG_STATE, Topic
from common.settings.groups import KafkaSettings
from common.subscriber.state import OffsetGone, OnBatch, StateBatch
from common.telemetry.metrics import Metrics
from common.web.loops import wait_for
from delivery.consumers.catalog_state import read_epoch, read_until
from delivery.consumers.state_records import asset_change
from delivery.domain.media import Change
from delivery.ports import Handover, IndexWriter
from delivery.usecases.index_records import IndexRecords

LOOK = 0.5  # seconds between looks into the folder


class RebuiltIndex:
    """Runs beside the reader of the live index, which goes on serving and obeying meanwhile."""

    def __init__(
        self,
        settings: KafkaSettings,
        handover: Handover,
        clock: Clock,
        metrics: Metrics,
        topic: Topic = CATALOG_STATE,
    ) -> None:
        self._settings, self._handover, self._clock = settings, handover, clock
        self._topic = topic
        self._lag: Gauge = metrics.shared_gauge(
            "projection_rebuild_lag_records",
            "Records a projection that is being rebuilt has to read; 0 when none is.",
        )

    async def run(self, stop: asyncio.Event) -> None:
        """The loop."""
        try:
            while not stop.is_set():
                self._lag.set(self._handover.behind() or 0)
                candidate = self._handover.candidate()
                if candidate is not None:
                    await self.take(candidate, stop)
                await wait_for(stop, LOOK)
        finally:
            self._handover.close()

    async def take(self, candidate: IndexWriter, stop: asyncio.Event) -> bool:
        """Read what the candidate lacks until it can be adopted; False when it is refused."""
        adopted = asyncio.Event()
        records = IndexRecords(candidate, self._clock)

        async def on_batch(batch: StateBatch) -> None:
            changes = [
                change
                for record in batch.records
                if isinstance(change := asset_change(record), Change)
            ]
            await records(changes, next_offset=batch.next_offset, caught_up=batch.caught_up)
            if await self._handover.adopt():
                adopted.set()

        try:
            await self._follow(candidate, on_batch, stop, adopted)
        except* OffsetGone:
            self._handover.refuse("its offset is not in the log")
        except* Conflict as group:
            self._handover.refuse(str(group.exceptions[0]))
        return adopted.is_set() and not stop.is_set()

    async def _follow(
        self, candidate: IndexWriter, on_batch: OnBatch, stop: asyncio.Event, enough: asyncio.Event
    ) -> None:
        """Read on from where the candidate is.

        One that was last read to the end longer ago than tombstones live is read anew as a whole:
        of what went meanwhile the log need not say a word.
        """
        epoch = await read_epoch(self._settings, self._topic, stop)
        if epoch is None:
            return
        if candidate.progress().epoch != epoch:
            raise Conflict("it is of another log", code="index_not_swapped")
        await read_until(
            self._settings,
            self._topic,
            start_offset=await IndexRecords(candidate, self._clock).start(epoch),
            on_batch=on_batch,
            stop=stop,
            enough=enough,
        )
