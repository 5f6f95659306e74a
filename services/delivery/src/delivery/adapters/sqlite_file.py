"""The index file: locked for one writer, made anew when it is damaged or of another version."""

import fcntl
import os
import sqlite3
from pathlib import Path

VERSION = 1  # also in the schema
BUSY_TIMEOUT = 5.0  # seconds
CHECKPOINT_PAGES = 2000  # 8 MiB of log, then it is folded into the file

_SCHEMA = """
CREATE TABLE asset (
    asset_id BLOB PRIMARY KEY,
    sequence INTEGER NOT NULL,
    fill INTEGER NOT NULL,
    standing TEXT NOT NULL CHECK (standing IN ('known', 'gone', 'denied')),
    body BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE progress (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    next_offset INTEGER NOT NULL,
    epoch TEXT,
    fill INTEGER NOT NULL,
    loaded INTEGER NOT NULL,
    heard_at REAL,
    fresh_until REAL,
    watermarks_offset INTEGER NOT NULL
);
INSERT INTO progress VALUES (1, 0, NULL, 1, 0, NULL, NULL, 0);
PRAGMA user_version = 1;
"""


class WriterLock:
    """Held by the one process that writes; the system drops it when that process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Whether we are the writer now."""
        if self._descriptor is not None:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def held(self) -> bool:
        """Whether the lock is ours and still the one that others try to take."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let another process write."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode.

    WAL with NORMAL: a power cut may lose the newest transactions, never their order. What is lost
    is read from the log again, because the offset is lost with it.
    """
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return connection


def connect_reading(path: Path) -> sqlite3.Connection:
    """A connection that can change nothing; the file must be there."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA query_only = ON")
    return connection


def prepare(path: Path) -> bool:
    """For the writer: make sure that a sound file is there; true when it was made anew.

    The index is a projection: throwing it away costs a refill and loses nothing.
    """
    if path.exists() and _sound(path):
        return False
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    connection = connect(path)
    try:
        connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
    finally:
        connection.close()
    return True


def _sound(path: Path) -> bool:
    try:
        connection = connect(path)
    except sqlite3.DatabaseError:
        return False
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        return bool(version == VERSION and verdict == "ok")
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()
