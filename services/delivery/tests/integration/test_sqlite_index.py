"""The index file: one writer, whole transactions, higher sequences only, refills, damage."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from services.delivery.tests.media import MEMBER, an_asset

from common.errors import Unavailable
from common.ids import new_asset_id, new_event_id
from common.testing.clock import START
from delivery.adapters.sqlite_file import connect
from delivery.adapters.sqlite_index import Bell, SqliteIndex
from delivery.adapters.sqlite_index_writer import SqliteIndexWriter
from delivery.domain.media import Change, DeniedAsset, Entry, GoneAsset

pytestmark = pytest.mark.integration

EPOCH, OTHER = new_event_id(), new_event_id()


class Node:
    """One process's view of the file."""

    def __init__(self, folder: Path) -> None:
        self.bell = Bell()
        self.path = folder / "index.sqlite3"
        self.index = SqliteIndex(self.path, self.bell)
        self.writer = SqliteIndexWriter(self.path, self.bell)

    def close(self) -> None:
        self.index.close()
        self.writer.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    assert made.writer.try_to_take_over()
    yield made
    made.close()


async def test_what_is_applied_is_read_back_exactly(node: Node) -> None:
    assets = [an_asset(visibility="circle", members=(MEMBER,)), an_asset(renditions=())]
    denied = DeniedAsset(new_asset_id(), "requires")
    gone = GoneAsset(new_asset_id())
    entries: list[Entry] = [*assets, denied, gone]
    changes = [Change(n, entry) for n, entry in enumerate(entries, start=1)]
    assert await node.writer.apply(changes, 10, START) == 4
    for change in changes:
        assert node.index.entry(change.entry.asset_id) == change.entry
    assert node.index.entry(new_asset_id()) is None
    assert node.writer.progress().offset == 10


async def test_only_a_higher_sequence_counts(node: Node) -> None:
    newer = an_asset(generation=2)
    older = an_asset(asset_id=newer.asset_id, generation=1)
    assert await node.writer.apply([Change(5, newer)], 1, START) == 1
    assert await node.writer.apply([Change(4, older), Change(5, older)], 2, START) == 0
    assert node.index.entry(newer.asset_id) == newer


async def test_a_tombstone_leaves_a_row_that_late_records_do_not_wake(node: Node) -> None:
    asset = an_asset()
    changes = [Change(1, asset), Change(3, GoneAsset(asset.asset_id)), Change(2, asset)]
    await node.writer.apply(changes, 3, START)
    assert node.index.entry(asset.asset_id) == GoneAsset(asset.asset_id)


async def test_records_and_offset_are_one_transaction(node: Node) -> None:
    asset = an_asset()
    await node.writer.apply([Change(1, asset)], 7, START)
    impossible = Change(1 << 80, an_asset())  # more than a column holds
    with pytest.raises(OverflowError):
        await node.writer.apply([Change(2, GoneAsset(asset.asset_id)), impossible], 99, START)
    assert node.writer.progress().offset == 7
    assert node.index.entry(asset.asset_id) == asset


async def test_a_refill_keeps_serving_and_closes_what_it_did_not_meet(node: Node) -> None:
    kept, lost = an_asset(generation=9), an_asset()
    await node.writer.begin_fill(EPOCH, START)
    await node.writer.apply([Change(8, kept), Change(1, lost)], 2, START)
    await node.writer.finish_fill()
    assert node.index.loaded()
    await node.writer.begin_fill(OTHER, START)
    assert not node.index.loaded()
    assert node.writer.progress().offset == 0
    assert node.index.entry(lost.asset_id) == lost
    again = an_asset(asset_id=kept.asset_id, generation=10)
    # the new log counts from the beginning: its sequence may be lower
    assert await node.writer.apply([Change(1, again)], 1, START) == 1
    await node.writer.finish_fill()
    assert node.index.entry(kept.asset_id) == again
    assert node.index.entry(lost.asset_id) == GoneAsset(lost.asset_id)
    assert node.writer.progress().epoch == OTHER


async def test_a_watermark_never_goes_back(node: Node) -> None:
    await node.writer.note_watermark(START, 5)
    await node.writer.note_watermark(START - timedelta(hours=1), 6)
    assert node.index.fresh_until() == START
    assert node.writer.progress().watermarks_offset == 6


async def test_everything_survives_a_restart(node: Node, tmp_path: Path) -> None:
    asset = an_asset()
    await node.writer.begin_fill(EPOCH, START)
    await node.writer.apply([Change(1, asset)], 4, START)
    await node.writer.finish_fill()
    await node.writer.note_watermark(START, 2)
    known = node.writer.progress()
    node.close()
    again = Node(tmp_path)
    assert again.index.entry(asset.asset_id) == asset
    assert again.index.loaded()
    assert again.index.fresh_until() == START
    assert again.writer.try_to_take_over()
    assert again.writer.progress() == known
    again.close()


async def test_one_process_writes_and_the_others_read(node: Node, tmp_path: Path) -> None:
    second = Node(tmp_path)
    assert not second.writer.try_to_take_over()
    asset = an_asset()
    await node.writer.apply([Change(1, asset)], 1, START)
    assert second.index.entry(asset.asset_id) == asset
    node.close()
    assert second.writer.try_to_take_over()
    second.close()


async def test_a_process_without_the_lock_gets_it_when_the_writer_ends(
    node: Node, tmp_path: Path
) -> None:
    second, stop = Node(tmp_path), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(second.writer.take_over(stop))
        await asyncio.sleep(0)
        assert not waiting.done()
        node.close()
    assert waiting.result()
    second.close()


async def test_waiting_for_the_lock_ends_with_the_process(node: Node, tmp_path: Path) -> None:
    second, stop = Node(tmp_path), asyncio.Event()
    assert node.writer.try_to_take_over()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(second.writer.take_over(stop))
        await asyncio.sleep(0)
        stop.set()
    assert not waiting.result()
    second.close()


async def test_a_waiting_request_is_woken_by_the_record(node: Node) -> None:
    asset = an_asset()
    async with asyncio.TaskGroup() as group, asyncio.timeout(5):
        waiting = group.create_task(node.index.changed(5))
        await asyncio.sleep(0)
        await node.writer.apply([Change(1, asset)], 1, START)
        await waiting
    assert node.index.entry(asset.asset_id) == asset


@pytest.mark.parametrize("damage", [b"not a database at all", b""])
async def test_a_damaged_file_is_replaced_by_an_empty_one(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "index.sqlite3").write_bytes(damage)
    node = Node(tmp_path)
    with pytest.raises(Unavailable):
        node.index.loaded()
    assert node.writer.try_to_take_over()
    assert node.writer.progress().offset == 0
    assert not node.index.loaded()
    node.close()


async def test_a_file_with_a_torn_page_is_replaced(tmp_path: Path) -> None:
    node = Node(tmp_path)
    assert node.writer.try_to_take_over()
    await node.writer.apply([Change(1, an_asset()) for _ in range(500)], 500, START)
    node.close()
    path = tmp_path / "index.sqlite3"
    whole = bytearray(path.read_bytes())
    whole[8192:12288] = b"\xa5" * 4096
    path.write_bytes(bytes(whole))
    again = Node(tmp_path)
    with pytest.raises(Unavailable):  # the reader was there first
        again.index.loaded()
    assert again.writer.try_to_take_over()
    assert again.writer.progress().offset == 0
    asset = an_asset()
    await again.writer.apply([Change(1, asset)], 1, START)
    assert again.index.entry(asset.asset_id) == asset
    again.close()


async def test_a_file_of_another_version_is_replaced(tmp_path: Path) -> None:
    connection = connect(tmp_path / "index.sqlite3")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    node = Node(tmp_path)
    assert node.writer.try_to_take_over()
    assert node.writer.progress().offset == 0
    node.close()


def test_before_the_file_exists_a_reader_knows_nothing(tmp_path: Path) -> None:
    node = Node(tmp_path)
    assert node.index.entry(new_asset_id()) is None
    assert not node.index.loaded()
    node.close()


def test_the_file_is_in_wal_mode(node: Node) -> None:
    look = sqlite3.connect(node.path)
    assert look.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    look.close()
