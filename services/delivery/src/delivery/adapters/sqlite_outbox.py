"""Delivery's outbox on SQLite: it has no Postgres, and a node must not need one (events.md 2.3)."""

import asyncio
import json
import os
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from common.clock import Clock
from common.errors import Unavailable
from common.events.envelope import from_headers
from common.events.message import Message
from common.ids import new_event_id
from common.relay.port import Published, Row
from delivery.adapters.sqlite_file import WriterLock
from delivery.adapters.sqlite_outbox_file import OutboxFile

BACKLOG_CAP = 100_000  # rows counted for the gauge
_APPEND = """
INSERT INTO outbox (event_id, topic, key, headers, payload, appended_at) VALUES (?, ?, ?, ?, ?, ?)
"""
_FETCH = "SELECT position, topic, key, headers, payload FROM outbox ORDER BY position LIMIT ?"
_PENDING = "SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT ?)"
_OLDEST = "SELECT appended_at FROM outbox ORDER BY position LIMIT 1"


class SqliteOutbox:
    """The appending side; `wake` is set by each append of this process."""

    def __init__(self, file: OutboxFile, clock: Clock, wake: asyncio.Event) -> None:
        self._file, self._clock, self._wake = file, clock, wake

    async def append(self, messages: Sequence[Message]) -> None:
        """All of them or none, on the disk when it returns; raises Unavailable."""
        rows = [_values(message, self._clock.now()) for message in messages]
        await self._file.transaction(lambda connection: connection.executemany(_APPEND, rows))
        self._wake.set()


class SqliteOutboxSource:
    """The rows of this node for its relay (`common.relay.port.OutboxSource`).

    A published row is deleted: the topic is telemetry and not the log, and the file has a bound.
    Whoever holds the lock file leads; a process that stands still keeps it, which stops this node's
    records until it goes on, and nobody else's.
    """

    def __init__(self, file: OutboxFile, lock: Path, clock: Clock) -> None:
        self._file, self._clock = file, clock
        self._lock = WriterLock(lock)

    async def lead(self) -> bool:
        if not self._lock.held():
            self._lock.release()
        if not self._lock.take():
            return False
        await self._file.move_damaged_away()
        return True

    async def still_leader(self) -> bool:
        return self._lock.held()

    async def resign(self) -> None:
        self._lock.release()

    async def fetch(self, limit: int, max_bytes: int) -> tuple[list[Row], datetime, bool]:
        self._demand_lock()
        read_at = self._clock.now()

        def work(connection: sqlite3.Connection) -> tuple[list[Row], bool]:
            return _cut(connection.execute(_FETCH, (limit,)), limit, max_bytes)

        rows, drained = await self._file.transaction(work)
        return rows, read_at, drained

    async def mark(self, published: Sequence[Published]) -> None:
        self._demand_lock()
        done = [(position,) for position, _, _ in published]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM outbox WHERE position = ?", done)

        await self._file.transaction(work)

    async def backlog(self) -> tuple[int, timedelta]:
        def work(connection: sqlite3.Connection) -> tuple[int, float | None]:
            pending: int = connection.execute(_PENDING, (BACKLOG_CAP,)).fetchone()[0]
            oldest = connection.execute(_OLDEST).fetchone()
            return pending, oldest[0] if oldest else None

        pending, oldest = await self._file.transaction(work)
        age = self._clock.now().timestamp() - oldest if oldest is not None else 0.0
        return pending, timedelta(seconds=max(0.0, age))

    async def upkeep(self) -> None:
        await self._file.fold()

    def _demand_lock(self) -> None:
        if not self._lock.held():
            raise Unavailable("not the leader", code="not_leader")


def node_id(folder: Path) -> UUID:
    """The id of the node whose folder this is, made when it is first asked for.

    It names the relay's transactional id: with a shared one, nodes would fence each other. So a
    folder must not be copied to a second node; a lost one makes a new node.
    """
    file = folder / "node"
    fresh = folder / f".node-{new_event_id().hex}"
    try:
        return UUID(file.read_text("ascii").strip())
    except FileNotFoundError:
        fresh.write_text(f"{new_event_id()}\n", "ascii")
    try:
        os.link(fresh, file)  # whole or not at all, and never over another one's
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return UUID(file.read_text("ascii").strip())


def _values(message: Message, now: datetime) -> tuple[object, ...]:
    headers = json.dumps([[name, value.decode()] for name, value in message.headers()])
    envelope = message.envelope
    place = (str(envelope.id), message.topic, message.key)
    return (*place, headers, message.payload, now.timestamp())


def _cut(cursor: sqlite3.Cursor, limit: int, max_bytes: int) -> tuple[list[Row], bool]:
    """Rows up to a number of bytes, one in any case, and whether these are all."""
    rows: list[Row] = []
    size = 0
    for position, topic, key, headers, payload in cursor:
        if rows and size >= max_bytes:
            return rows, False
        size += len(payload or b"")
        envelope = from_headers((name, value.encode()) for name, value in json.loads(headers))
        rows.append((position, Message(topic, key, envelope, payload)))
    return rows, len(rows) < limit
