"""The outbox file of a node: durable, bounded, shared by its processes, moved away when damaged."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from common.errors import Unavailable
from common.telemetry.logs import get_logger

BUSY_TIMEOUT = 5.0  # seconds
PAGE = 4096  # bytes
MAX_BYTES = (
    256 * 1024 * 1024
)  # then appending fails: listeners are served, what they do is not told
CHECKPOINT_PAGES = 1000  # 4 MiB of log, then it is folded into the file

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id    TEXT NOT NULL UNIQUE,
    topic       TEXT NOT NULL,
    key         TEXT NOT NULL,
    headers     TEXT NOT NULL,
    payload     BLOB,
    appended_at REAL NOT NULL
)
"""

Result = TypeVar("Result")
_log = get_logger("delivery.outbox")


class OutboxFile:
    """One connection and one thread of its own; each transaction is on the disk when it returns.

    Every process of the node may have one. The file is made by whoever comes first. All that can go
    wrong is Unavailable: `outbox_full` when the file has its size, else `outbox_unavailable`.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._path, self._max_pages = path, max_bytes // PAGE
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    async def transaction(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` in one transaction, committed when it returns."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._run, work)
        except sqlite3.Error as error:
            full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            code = "outbox_full" if full else "outbox_unavailable"
            raise Unavailable("the outbox cannot be written", code=code) from error

    async def move_damaged_away(self) -> None:
        """For the leader: a file that cannot be read makes room for an empty one, and is kept."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._move_damaged)

    async def fold(self) -> None:
        """Fold the log into the file and give its space back."""

        def work() -> None:
            self._opened().execute("PRAGMA wal_checkpoint(TRUNCATE)")

        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            _log.warning("outbox.checkpoint", reason=str(error))

    def close(self) -> None:
        """Finish the transaction under way and close the file."""
        self._thread.shutdown(wait=True)
        self._shut()

    def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return result

    def _opened(self) -> sqlite3.Connection:
        """The connection; a new one when another process has replaced the file."""
        if self._connection is not None and self._inode != self._inode_now():
            self._shut()
        if self._connection is None:
            self._connection = self._open()
            self._inode = self._inode_now()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA max_page_count = {self._max_pages}")
            connection.execute(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

    def _inode_now(self) -> int:
        try:
            return self._path.stat().st_ino
        except FileNotFoundError:
            return 0

    def _move_damaged(self) -> None:
        try:
            verdict = self._opened().execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.OperationalError:
            return  # busy or no disk: that is not what the file says
        except sqlite3.DatabaseError as error:
            verdict = str(error)
        if verdict == "ok":
            return
        self._shut()
        _log.error("outbox.damaged", reason=verdict)
        for suffix in ("-wal", "-shm", ""):
            part = self._path.with_name(self._path.name + suffix)
            if part.exists():
                part.replace(part.with_name(f"damaged-{part.name}"))

    def _shut(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
