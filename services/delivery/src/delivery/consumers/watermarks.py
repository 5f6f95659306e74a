"""The loop that hears how far the catalog has told all it knows: the freshness of the index."""

import asyncio

from common.events.topics import CATALOG, WATERMARKS, Topic
from common.settings.groups import KafkaSettings
from common.subscriber.state import OffsetGone, StateBatch, read_state
from delivery.consumers.state_records import watermark_of
from delivery.ports import IndexWriter
from delivery.usecases.index_records import IndexRecords


class Watermarks:
    """Hands the newest watermark of the catalog to `IndexRecords`, which knows when it counts."""

    def __init__(
        self,
        settings: KafkaSettings,
        index_records: IndexRecords,
        writer: IndexWriter,
        topic: Topic = WATERMARKS,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._index_records = index_records
        self._writer = writer

    async def run(self, stop: asyncio.Event) -> None:
        """The loop."""
        if not await self._writer.take_over(stop):
            return
        offset = self._writer.progress().watermarks_offset
        try:
            await self._read(offset, stop)
        except OffsetGone:
            await self._read(0, stop)

    async def _read(self, offset: int, stop: asyncio.Event) -> None:
        await read_state(
            self._settings, self._topic, start_offset=offset, on_batch=self._take, stop=stop
        )

    async def _take(self, batch: StateBatch) -> None:
        marks = [mark for record in batch.records if (mark := watermark_of(record, CATALOG))]
        if marks:
            self._index_records.hear(max(marks), batch.next_offset)
