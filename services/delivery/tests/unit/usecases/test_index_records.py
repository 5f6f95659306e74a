"""When the index starts over, when it is loaded, and when a watermark counts."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from services.delivery.tests.media import an_asset

from common.ids import new_event_id
from common.testing.clock import ManualClock
from delivery.domain.media import Change
from delivery.ports import Progress
from delivery.usecases.index_records import IndexRecords

CHANGE = Change(1, an_asset())


class MemoryWriter:
    """Notes what it was told."""

    def __init__(self) -> None:
        self.state = Progress()
        self.fills = 0
        self.writes = 0
        self.marks: list[tuple[datetime, int]] = []

    async def take_over(self, stop: asyncio.Event) -> bool:
        return not stop.is_set()

    def progress(self) -> Progress:
        return self.state

    async def apply(self, changes: Sequence[Change], next_offset: int, heard_at: datetime) -> int:
        self.writes += 1
        self.state = replace(self.state, offset=next_offset, heard_at=heard_at)
        return len(changes)

    async def begin_fill(self, epoch: UUID, now: datetime) -> None:
        self.fills += 1
        self.state = replace(self.state, offset=0, epoch=epoch, loaded=False, heard_at=now)

    async def finish_fill(self) -> None:
        self.state = replace(self.state, loaded=True)

    async def note_watermark(self, fresh_until: datetime, next_offset: int) -> None:
        self.marks.append((fresh_until, next_offset))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def writer() -> MemoryWriter:
    return MemoryWriter()


@pytest.fixture
def index_records(writer: MemoryWriter, clock: ManualClock) -> IndexRecords:
    return IndexRecords(writer, clock)


EPOCH, OTHER = new_event_id(), new_event_id()


async def test_a_fresh_index_is_filled_from_the_start(
    index_records: IndexRecords, writer: MemoryWriter
) -> None:
    assert await index_records.start(EPOCH) == 0
    assert writer.fills == 1


async def test_the_same_epoch_goes_on_where_it_was(
    index_records: IndexRecords, writer: MemoryWriter
) -> None:
    await index_records.start(EPOCH)
    await index_records([CHANGE], next_offset=42, caught_up=False)
    assert await index_records.start(EPOCH) == 42
    assert writer.fills == 1


async def test_another_epoch_starts_over(index_records: IndexRecords, writer: MemoryWriter) -> None:
    await index_records.start(EPOCH)
    await index_records([CHANGE], next_offset=42, caught_up=True)
    assert await index_records.start(OTHER) == 0
    assert not writer.progress().loaded


async def test_an_absence_longer_than_tombstones_live_starts_over(
    index_records: IndexRecords, writer: MemoryWriter, clock: ManualClock
) -> None:
    await index_records.start(EPOCH)
    await index_records([CHANGE], next_offset=42, caught_up=True)
    clock.advance(timedelta(days=28).total_seconds())
    assert await index_records.start(EPOCH) == 42
    clock.advance(timedelta(days=2).total_seconds())
    assert await index_records.start(EPOCH) == 0


async def test_an_absence_ends_at_the_end_of_the_log_and_not_on_the_way_to_it(
    index_records: IndexRecords, writer: MemoryWriter, clock: ManualClock
) -> None:
    await index_records.start(EPOCH)
    await index_records([CHANGE], next_offset=42, caught_up=True)
    clock.advance(timedelta(days=28).total_seconds())
    await index_records([CHANGE], next_offset=50, caught_up=False)  # and is killed
    clock.advance(timedelta(days=2).total_seconds())
    assert await index_records.start(EPOCH) == 0


async def test_the_index_is_loaded_once_the_end_was_reached(
    index_records: IndexRecords, writer: MemoryWriter
) -> None:
    await index_records.start(EPOCH)
    await index_records([CHANGE], next_offset=10, caught_up=False)
    assert not writer.progress().loaded
    await index_records([], next_offset=10, caught_up=True)
    assert writer.progress().loaded


async def test_quiet_polls_write_once_a_minute_and_no_more(
    index_records: IndexRecords, writer: MemoryWriter, clock: ManualClock
) -> None:
    await index_records.start(EPOCH)
    await index_records([CHANGE], next_offset=10, caught_up=True)
    for _ in range(100):
        await index_records([], next_offset=10, caught_up=True)
    assert writer.writes == 1
    clock.advance(60)
    await index_records([], next_offset=10, caught_up=True)
    assert writer.writes == 2


async def test_a_watermark_counts_only_after_the_state_was_read_to_its_end_later(
    index_records: IndexRecords, writer: MemoryWriter, clock: ManualClock
) -> None:
    await index_records.start(EPOCH)
    index_records.hear(clock.now(), 5)
    # this poll may have looked at the end before the watermark was heard
    await index_records([], next_offset=10, caught_up=True)
    assert writer.marks == []
    await index_records([CHANGE], next_offset=11, caught_up=False)
    assert writer.marks == []
    await index_records([CHANGE], next_offset=12, caught_up=True)
    assert writer.marks == [(clock.now(), 5)]
    await index_records([], next_offset=12, caught_up=True)
    await index_records([], next_offset=12, caught_up=True)
    assert len(writer.marks) == 1
