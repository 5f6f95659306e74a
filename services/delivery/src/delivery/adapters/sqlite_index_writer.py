"""The writing side of the serving index: whole transactions, by the one process with the lock."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from uuid import UUID

from common.errors import Conflict, Unavailable
from common.failpoints import failpoint, failpoint_in_thread
from delivery.adapters.asset_rows import to_row
from delivery.adapters.index_graves import bury
from delivery.adapters.sqlite_file import WriterLock, connect, prepare
from delivery.adapters.sqlite_index import Bell, moment
from delivery.domain.media import Change
from delivery.ports import Progress

TRY_AGAIN = 1.0  # seconds between tries for the lock

_UPSERT = """
INSERT INTO asset (asset_id, sequence, fill, standing, body)
VALUES (?1, ?2, (SELECT fill FROM progress), ?3, ?4)
ON CONFLICT (asset_id) DO UPDATE SET
    sequence = excluded.sequence, fill = excluded.fill,
    standing = excluded.standing, body = excluded.body
WHERE excluded.fill > asset.fill OR excluded.sequence > asset.sequence
"""
_PROGRESS = "SELECT next_offset, epoch, loaded, heard_at, watermarks_offset FROM progress"
# what a whole reading did not meet was removed while we were away: it existed and is gone
_CLOSE_OLD = """
UPDATE asset SET standing = 'gone', body = x''
WHERE fill < (SELECT fill FROM progress) AND standing <> 'gone'
"""
_MARK = """
UPDATE progress SET fresh_until = max(coalesce(fresh_until, 0), ?), watermarks_offset = ?
"""

Work = Callable[[sqlite3.Connection], int]


class SqliteIndexWriter:
    """Useful once `take_over` returned true. One thread of its own keeps transactions apart."""

    def __init__(self, path: Path, bell: Bell) -> None:
        self._path = path
        self._bell = bell
        self._lock = WriterLock(path.with_suffix(".lock"))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="index")
        self._connection: sqlite3.Connection | None = None
        self._progress = Progress()

    async def take_over(self, stop: asyncio.Event) -> bool:
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            # in the thread: checking a large file takes a while, and others may be served from it
            if await loop.run_in_executor(self._thread, self.try_to_take_over):
                return True
            try:
                async with asyncio.timeout(TRY_AGAIN):
                    await stop.wait()
            except TimeoutError:
                continue
        return False

    def try_to_take_over(self) -> bool:
        """Become the writer if nobody is; an unusable file is replaced by an empty one first."""
        if self._connection is None and self._lock.take():
            prepare(self._path)
            self._connection = connect(self._path)
            self._progress = _progress(self._connection)
            self._bell.ours = True
        return self._connection is not None

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes."""
        return self._connection is not None

    def close(self) -> None:
        """Finish the transaction under way, close the file and let another process write."""
        self._thread.shutdown(wait=True)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._bell.ours = False
        self._lock.release()

    def progress(self) -> Progress:
        return self._progress

    async def apply(self, changes: Sequence[Change], next_offset: int, heard_at: datetime) -> int:
        rows = [to_row(change) for change in changes]
        position = (next_offset, heard_at.timestamp())

        def work(connection: sqlite3.Connection) -> int:
            before = connection.total_changes
            connection.executemany(_UPSERT, rows)
            counted = connection.total_changes - before
            connection.execute("UPDATE progress SET next_offset = ?, heard_at = ?", position)
            if rows:
                failpoint_in_thread("delivery.before_index_commit")
            return counted

        counted = await self._write(work)
        if rows:
            await failpoint("delivery.after_index_commit")
        return counted

    async def begin_fill(self, epoch: UUID, now: datetime) -> None:
        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(
                "UPDATE progress SET next_offset = 0, loaded = 0, fill = fill + 1, epoch = ?,"
                " heard_at = ?",
                (str(epoch), now.timestamp()),
            ).rowcount

        await self._write(work)

    async def finish_fill(self) -> None:
        def work(connection: sqlite3.Connection) -> int:
            connection.execute("UPDATE progress SET loaded = 1")
            return connection.execute(_CLOSE_OLD).rowcount

        await self._write(work)

    async def note_watermark(self, fresh_until: datetime, next_offset: int) -> None:
        mark = (fresh_until.timestamp(), next_offset)
        await self._write(lambda connection: connection.execute(_MARK, mark).rowcount)

    async def take_the_place(self, other: "SqliteIndexWriter", swap: Callable[[], None]) -> bool:
        """Write into `other`'s file from here on, once it knows all that ours knows.

        False while it does not. `swap` moves the names; `other` is closed before that. Everything
        happens in our one thread, so that no record is applied between the look and the swap.
        Raises Conflict when it cannot be done; our own file then stays.
        """
        loop = asyncio.get_running_loop()
        try:
            done = await loop.run_in_executor(self._thread, self._swapped, other, swap)
        except (sqlite3.Error, OSError) as error:
            raise Conflict(f"the swap failed: {error}", code="index_not_swapped") from error
        self._bell.ring()
        return done

    async def bury(self, live: Path) -> None:
        """Enter as gone what is gone in the index `live`, in one transaction."""
        await self._write(lambda connection: bury(connection, live))

    def _swapped(self, other: "SqliteIndexWriter", swap: Callable[[], None]) -> bool:
        ours = self._open()
        mine, theirs = _progress(ours), other.progress()
        if theirs.epoch != mine.epoch and mine.epoch is not None:
            raise Conflict("the rebuilt index is of another log", code="index_not_swapped")
        if not theirs.loaded or theirs.offset < mine.offset:
            return False
        heard = ours.execute("SELECT fresh_until, watermarks_offset FROM progress").fetchone()
        if heard[0] is not None:
            other._transaction(lambda connection: connection.execute(_MARK, heard).rowcount)  # noqa: SLF001
        other.close()
        failpoint_in_thread("delivery.before_index_swap")
        ours.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ours.close()
        self._connection = None
        try:
            swap()
        finally:
            self._connection = connect(self._path)
            self._progress = _progress(self._connection)
        return True

    async def _write(self, work: Work) -> int:
        loop = asyncio.get_running_loop()
        try:
            result, self._progress = await loop.run_in_executor(
                self._thread, self._transaction, work
            )
        except sqlite3.Error as error:
            raise Unavailable("the index cannot be written", code="index_unavailable") from error
        self._bell.ring()
        return result

    def _transaction(self, work: Work) -> tuple[int, Progress]:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection), _progress(connection)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return result

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise Unavailable("another process writes the index", code="index_not_ours")
        return self._connection


def _progress(connection: sqlite3.Connection) -> Progress:
    row = connection.execute(_PROGRESS).fetchone()
    epoch = UUID(row[1]) if row[1] else None
    return Progress(row[0], epoch, bool(row[2]), moment(row[3]), row[4])
