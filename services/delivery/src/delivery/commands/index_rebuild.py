"""Builds a serving index beside the live one, compares them, hands it over."""

import asyncio
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from common.clock import Clock
from common.errors import Conflict, Unavailable
from common.events.topics import CATALOG_STATE, Topic
from common.failpoints import failpoint
from common.kafka.topics import missing
from common.settings.groups import KafkaSettings
from common.subscriber.state import StateBatch
from common.telemetry.metrics import Metrics
from common.telemetry.progress_bars import Report
from delivery.adapters.index_comparison import LiveSnapshot, compare
from delivery.adapters.index_files import IndexFiles
from delivery.adapters.sqlite_file import WriterLock
from delivery.adapters.sqlite_handover import SqliteHandover
from delivery.adapters.sqlite_index import Bell
from delivery.adapters.sqlite_index_writer import SqliteIndexWriter
from delivery.consumers.catalog_state import read_epoch, read_until
from delivery.consumers.rebuilt_index import RebuiltIndex
from delivery.consumers.state_records import asset_change
from delivery.domain.comparison import Comparison
from delivery.domain.media import Change
from delivery.usecases.index_records import IndexRecords

MEET = 10.0  # seconds in which the live index should come to an offset that we have read to
PAUSE = 0.2  # seconds between looks


@dataclass(slots=True)
class IndexRebuild:
    """One run of the command; a killed one is taken up where its last batch was committed."""

    kafka: KafkaSettings
    files: IndexFiles
    clock: Clock
    report: Report
    topic: Topic = CATALOG_STATE
    _never: asyncio.Event = field(default_factory=asyncio.Event)

    async def build(self, *, restart: bool) -> tuple[Path, Comparison | None]:
        """The finished file, and how it compares; None when there is no live index to compare.

        Raises Conflict when another rebuild is at work in this folder, Unavailable without Kafka.
        """
        if await missing(self.kafka, [self.topic.name]):
            raise Unavailable(f"no such topic: {self.topic.name}", code="topic_missing")
        if restart:
            self.files.give_up_building()
        path = self.files.begin(self.clock.now())
        writer = SqliteIndexWriter(path, Bell())
        try:
            if not writer.try_to_take_over():
                raise Conflict("another rebuild is at work in this folder", code="rebuild_running")
            return await self._built(writer, path)
        finally:
            writer.close()

    async def _built(self, writer: SqliteIndexWriter, path: Path) -> tuple[Path, Comparison | None]:
        epoch = await read_epoch(self.kafka, self.topic, self._never)
        if epoch is None:
            raise Unavailable("the log has no epoch: run `reprise topics apply`", code="no_epoch")
        records = IndexRecords(writer, self.clock)
        await records.start(epoch)
        await self._read(writer, records, None)
        snapshot = await self._meet(writer, records)
        if snapshot is None:
            return path, None
        try:
            if snapshot.epoch != epoch:
                return path, None
            return path, await asyncio.to_thread(compare, snapshot, path)
        finally:
            snapshot.close()

    async def _read(
        self, writer: SqliteIndexWriter, records: IndexRecords, until: int | None
    ) -> None:
        """To `until`, or to the end that stands when reading begins, and not one record further.

        The log may end before `until`: there it stops too.
        """
        enough, target = asyncio.Event(), until

        async def on_batch(batch: StateBatch) -> None:
            nonlocal target
            target = min(batch.end_offset if target is None else target, batch.end_offset)
            within = [record for record in batch.records if record.offset < target]
            offset = min(batch.next_offset, target)
            changes = [c for r in within if isinstance(c := asset_change(r), Change)]
            await records(changes, next_offset=offset, caught_up=offset >= target)
            self.report(offset, target)
            if offset >= target:
                enough.set()
            else:
                await failpoint("delivery.after_rebuild_batch")

        start = writer.progress().offset
        await read_until(
            self.kafka,
            self.topic,
            start_offset=start,
            on_batch=on_batch,
            stop=self._never,
            enough=enough,
        )

    async def _meet(self, writer: SqliteIndexWriter, records: IndexRecords) -> LiveSnapshot | None:
        """The live index at the offset we have read to, or as far as its writer has come.

        One of another log is given back as it is. Raises Conflict when it has read this log further
        than the log goes.
        """
        if not self.files.live.exists():
            return None
        deadline = self.clock.monotonic() + MEET
        while True:
            snapshot = LiveSnapshot(self.files.live)
            ours = writer.progress().offset
            if snapshot.epoch != writer.progress().epoch:
                return snapshot  # offsets of two logs cannot be compared
            if snapshot.offset > ours:
                await self._read(writer, records, snapshot.offset)
                if writer.progress().offset < snapshot.offset:
                    raise _beyond(snapshot)
                return snapshot
            waited = self.clock.monotonic() > deadline or not self._somebody_writes()
            if snapshot.offset == ours or waited:
                return snapshot
            snapshot.close()
            await asyncio.sleep(PAUSE)

    def _somebody_writes(self) -> bool:
        lock = WriterLock(self.files.live.with_suffix(".lock"))
        free = lock.take()
        lock.release()
        return not free

    async def hand_over(self, path: Path, *, within: float) -> str:
        """Have it become the live one: by ourselves, or by the delivery that is running.

        Answers who did it. Raises Conflict when it was refused, or not taken in time; it then
        stays offered.
        """
        writer = SqliteIndexWriter(self.files.live, Bell())
        try:
            if writer.try_to_take_over():
                await self._adopt(writer)
                return "this command"
        finally:
            writer.close()
        await self._adopted(path, within)
        return "the running delivery"

    async def _adopt(self, writer: SqliteIndexWriter) -> None:
        handover = SqliteHandover(self.files, writer)
        loop = RebuiltIndex(self.kafka, handover, self.clock, Metrics("delivery"), self.topic)
        candidate = handover.candidate()
        try:
            if candidate is None or not await loop.take(candidate, self._never):
                raise Conflict("the rebuilt index was refused", code="index_not_swapped")
        finally:
            handover.close()

    async def _adopted(self, path: Path, within: float) -> None:
        deadline = self.clock.monotonic() + within
        while not self.files.is_live(path):
            if self.files.offered() is None:
                raise Conflict(
                    "the running delivery refused the index; its log says why",
                    code="index_not_swapped",
                )
            if self.clock.monotonic() > deadline:
                raise Conflict(
                    f"the running delivery did not take the index in {within:.0f} s; it stays"
                    " offered and is taken as soon as Kafka answers it",
                    code="index_not_swapped",
                )
            await asyncio.sleep(PAUSE)

    def note(self, operator: str, what: str, found: Comparison | None, by: str) -> None:
        """One line in the folder's own history: delivery has no database for an audit."""
        line = {
            "at": self.clock.now().isoformat(),
            "operator": operator,
            "command": what,
            "by": by,
            "comparison": asdict(found) if found else None,
        }
        with self.files.history.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _beyond(live: LiveSnapshot) -> Conflict:
    live.close()
    return Conflict(
        "the live index has read further than the log goes: a part of the log was lost; a running"
        " delivery then fills its index anew by itself",
        code="log_shortened",
    )
