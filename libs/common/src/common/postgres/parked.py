"""Where a consumer's records wait, key by key: the `ParkingLot` port of common.subscriber."""

import base64
import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, text

from common.errors import TooLarge
from common.events.envelope import Envelope
from common.events.record import SourceRecord
from common.postgres.engine import Database, WriteSession
from common.postgres.json_column import json_of_column

# rows; a key with more is no longer a stumble of one asset, and the fuse has to stop its group
MAX_ROWS_PER_KEY = 1000
_BIGINT = 2**63 - 1

_PARKED = text(
    "SELECT DISTINCT key FROM parked WHERE consumer = :consumer"
    " AND key = ANY(CAST(:keys AS text[]))"
)
_ROWS = text(
    "SELECT count(*), count(*) FILTER (WHERE event_id = :event_id) FROM parked"
    " WHERE consumer = :consumer AND key = :key"
)
# behind a row of its key it is due when that one is: what waits is the key
_PARK = text("""
INSERT INTO parked (consumer, topic, key, sequence, event_id, type, record_key, headers, value,
    kafka_partition, kafka_offset, kafka_timestamp, reason, detail, attempts, run_after)
VALUES (:consumer, :topic, :key, :sequence, :event_id, :type, :record_key,
    CAST(:headers AS jsonb), :value, :partition, :offset, :timestamp, :reason, :detail, :attempts,
    coalesce(
        (SELECT first.run_after FROM parked AS first
         WHERE first.consumer = :consumer AND first.key = :key AND first.sequence <= :sequence
         ORDER BY first.sequence, first.id LIMIT 1),
        clock_timestamp() + :delay))
ON CONFLICT (consumer, event_id) DO NOTHING
""")
_DUE = text(
    "SELECT key FROM parked WHERE consumer = :consumer AND run_after <= clock_timestamp()"
    " GROUP BY key ORDER BY min(run_after) LIMIT :limit"
)
# of the key and not of a row: a row may come in before the one that is being handled
_LOCK = text(
    "SELECT pg_try_advisory_xact_lock(hashtextextended('reprise.parked.' || :consumer || :key, 0))"
)
_FIRST = text(
    "SELECT * FROM parked WHERE consumer = :consumer AND key = :key ORDER BY sequence, id LIMIT 1"
)
_DELETE = text("DELETE FROM parked WHERE id = :id")
_NEXT_DUE = text("""
UPDATE parked SET run_after = clock_timestamp() WHERE id = (
    SELECT id FROM parked WHERE consumer = :consumer AND key = :key ORDER BY sequence, id LIMIT 1)
""")
_COUNT_TRY = text(
    "UPDATE parked SET attempts = attempts + 1, reason = :reason, detail = :detail WHERE id = :id"
)
_WAIT = text(
    "UPDATE parked SET run_after = clock_timestamp() + :delay"
    " WHERE consumer = :consumer AND key = :key AND run_after < clock_timestamp() + :delay"
)
_COUNT = text("SELECT count(DISTINCT key) FROM parked WHERE consumer = :consumer")


@dataclass(frozen=True, slots=True)
class PostgresParking:
    """The rows of one group. `park` locks nothing: its caller alone reads the key's partition."""

    database: Database
    consumer: str

    async def parked(self, keys: Collection[str]) -> frozenset[str]:
        """Which of these keys have rows now."""
        stored = {storable(key): key for key in keys}
        async with self.database.read() as session:
            values = {"consumer": self.consumer, "keys": list(stored)}
            return frozenset(stored[key] for key in await session.scalars(_PARKED, values))

    async def park(
        self,
        record: SourceRecord,
        envelope: Envelope,
        *,
        reason: str,
        detail: str,
        attempts: int,
        delay: timedelta,
    ) -> None:
        """Keep a record, once per event; raises TooLarge when its key is full."""
        row = _row(record, envelope) | {
            "consumer": self.consumer,
            "reason": storable(reason),
            "detail": storable(detail),
            "attempts": attempts,
            "delay": delay,
        }
        async with self.database.write() as session:
            ours = {name: row[name] for name in ("consumer", "key", "event_id")}
            rows, known = (await session.execute(_ROWS, ours)).one()
            if known:
                return
            if rows >= MAX_ROWS_PER_KEY:
                raise TooLarge(f"{rows} records of one key wait", code="parked_key_full")
            await session.execute(_PARK, row)

    async def due(self, limit: int) -> Sequence[str]:
        """Keys that may be tried now, the longest due first."""
        async with self.database.read() as session:
            values = {"consumer": self.consumer, "limit": limit}
            return list(await session.scalars(_DUE, values))

    @asynccontextmanager
    async def claim(self, key: str) -> AsyncIterator["PostgresClaim | None"]:
        """A key's first row, under a lock that ends with the transaction."""
        ours = {"consumer": self.consumer, "key": key}
        async with self.database.write() as session:
            locked = await session.scalar(_LOCK, ours)
            row = (await session.execute(_FIRST, ours)).one_or_none() if locked else None
            yield PostgresClaim(session, row) if row is not None else None

    async def count(self) -> int:
        """How many keys wait."""
        async with self.database.read() as session:
            return int(await session.scalar(_COUNT, {"consumer": self.consumer}) or 0)


class PostgresClaim:
    """The `Claim` port on the transaction that holds the key's lock."""

    def __init__(self, session: WriteSession, row: Row[Any]) -> None:
        self._session, self._row = session, row
        self.record, self.attempts = record_of(row), int(row.attempts)

    async def done(self) -> None:
        """Delete the row; the next one of the key is due at once."""
        await self._session.execute(_DELETE, {"id": self._row.id})
        await self._session.execute(_NEXT_DUE, self._key())

    async def wait(self, delay: timedelta, *, reason: str, detail: str) -> None:
        """One more try was in vain: the whole key waits."""
        why = {"reason": storable(reason), "detail": storable(detail)}
        await self._session.execute(_COUNT_TRY, why | {"id": self._row.id})
        await self._session.execute(_WAIT, self._key() | {"delay": delay})

    def _key(self) -> dict[str, object]:
        return {"consumer": self._row.consumer, "key": self._row.key}


def record_of(row: Row[Any]) -> SourceRecord:
    """The record as it was read, from its row."""
    return SourceRecord(
        row.topic,
        row.kafka_partition,
        row.kafka_offset,
        row.kafka_timestamp,
        row.record_key,
        tuple(
            (name, None if value is None else base64.b64decode(value))
            for name, value in json_of_column(row.headers)
        ),
        row.value,
    )


def headers_of(record: SourceRecord) -> str:
    """The headers byte for byte, as the row's JSON has them."""
    return json.dumps(
        [
            [storable(name), None if value is None else base64.b64encode(value).decode()]
            for name, value in record.headers
        ]
    )


def storable(value: str) -> str:
    """A text that Postgres takes: it knows no NUL."""
    return value.replace("\x00", "\ufffd")


def _row(record: SourceRecord, envelope: Envelope) -> dict[str, object]:
    return {
        "topic": record.topic,
        "key": storable((record.key or b"").decode("utf-8", "replace")),
        "sequence": min(max(envelope.sequence, -_BIGINT), _BIGINT),
        "event_id": envelope.id,
        "type": storable(envelope.type),
        "record_key": record.key,
        "headers": headers_of(record),
        "value": record.value,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
    }
