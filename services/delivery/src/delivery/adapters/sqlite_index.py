"""The reading side of the serving index on SQLite; every process of a node has one."""

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from common.errors import Unavailable
from delivery.adapters.asset_rows import to_entry
from delivery.adapters.sqlite_file import connect
from delivery.domain.media import Entry

LOOK_AGAIN = 0.05  # seconds between looks when another process writes


class Bell:
    """Rung by the writer of this process after each transaction, if there is one (`ours`)."""

    def __init__(self) -> None:
        self.ours = False
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait now."""
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, timeout: float) -> None:
        """Until the next ring, at most `timeout` seconds; a short while without a writer."""
        try:
            async with asyncio.timeout(timeout if self.ours else min(timeout, LOOK_AGAIN)):
                await self._rung.wait()
        except TimeoutError:
            return


class SqliteIndex:
    """Reads on the event loop: a look-up takes less time than handing it to a thread."""

    def __init__(self, path: Path, bell: Bell) -> None:
        self._path = path
        self._bell = bell
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def entry(self, asset_id: UUID) -> Entry | None:
        row = self._row("SELECT standing, body FROM asset WHERE asset_id = ?", asset_id.bytes)
        return None if row is None else to_entry(asset_id, row[0], row[1])

    def fresh_until(self) -> datetime | None:
        row = self._row("SELECT fresh_until FROM progress")
        return moment(row[0]) if row else None

    def loaded(self) -> bool:
        row = self._row("SELECT loaded FROM progress")
        return bool(row and row[0])

    async def changed(self, timeout: float) -> None:
        await self._bell.wait(timeout)

    def close(self) -> None:
        """Close the file; the next look opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _row(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._current().execute(sql, values).fetchone()
        except FileNotFoundError:
            return None  # another process of this node is about to make it
        except sqlite3.Error as error:
            self.close()
            raise Unavailable("the index cannot be read", code="index_unavailable") from error
        return row

    def _current(self) -> sqlite3.Connection:
        """The connection to the file that has the name now: a damaged one is replaced."""
        inode = self._path.stat().st_ino
        if self._connection is None or inode != self._inode:
            self.close()
            self._connection, self._inode = connect(self._path), inode
        return self._connection


def moment(seconds: float | None) -> datetime | None:
    """A column of Unix seconds as a time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
