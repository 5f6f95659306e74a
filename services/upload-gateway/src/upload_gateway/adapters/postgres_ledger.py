"""The ledger on Postgres: rows in, domain values out."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, text

from common.clock import Clock, SystemClock
from common.ids import AssetId, UploadId, UserId
from common.jobs.queue import JobQueue
from common.postgres.engine import Database
from upload_gateway.adapters import slots, tables
from upload_gateway.adapters.postgres_transaction import (
    PostgresTransaction,
    beats,
    part_of,
    segment_of,
    segments_query,
    upload_of,
)
from upload_gateway.adapters.telling import to_journey, to_told
from upload_gateway.domain.errors import UploadNotFound
from upload_gateway.domain.journey import Journey
from upload_gateway.domain.limits import Open
from upload_gateway.domain.telling import Told
from upload_gateway.domain.upload import ENDED, RUNNING, Part, Segment, State, Upload

_FORGET_NAMES = text("""
UPDATE upload SET file_name = NULL, metadata = '' WHERE id IN (
    SELECT id FROM upload
    WHERE state IN ('rejected', 'aborted', 'expired') AND ended_at < :before
        AND (file_name IS NOT NULL OR metadata <> '')
    ORDER BY ended_at LIMIT 1000 FOR UPDATE SKIP LOCKED
)
""")


def _written() -> ColumnElement[bool]:
    return exists().where(tables.writer.c.upload_id == tables.upload.c.id, beats())


@dataclass(frozen=True, slots=True)
class PostgresLedger:
    """Ledger of the gateway's own schema; `Database` maps what the driver raises.

    `lease` is how many seconds a slot stays in use without a sign of life.
    """

    database: Database
    jobs: JobQueue
    lease: float = 30.0
    clock: Clock = field(default_factory=SystemClock)

    @asynccontextmanager
    async def change(self) -> AsyncIterator[PostgresTransaction]:
        async with self.database.write() as session:
            transaction = PostgresTransaction(session, self.jobs, self.lease, self.clock)
            yield transaction
            await transaction.close_telling()

    async def find(self, upload_id: UploadId) -> Upload:
        query = select(tables.upload).where(tables.upload.c.id == upload_id)
        rows = await self.database.alone(query)
        if not rows:
            raise UploadNotFound
        return upload_of(rows[0])

    async def parts(self, upload_id: UploadId) -> list[Part]:
        columns = tables.part.c
        query = select(tables.part).where(columns.upload_id == upload_id).order_by(columns.number)
        async with self.database.read() as session:
            return [part_of(row) for row in await session.execute(query)]

    async def segments(self, upload_id: UploadId) -> list[Segment]:
        async with self.database.read() as session:
            return [segment_of(row) for row in await session.execute(segments_query(upload_id))]

    async def page(
        self, user_id: UserId, after: AssetId | None, limit: int, states: Collection[State] = ()
    ) -> list[Upload]:
        columns = tables.upload.c
        query = select(tables.upload).where(columns.user_id == user_id, columns.concat != "partial")
        if after is not None:
            query = query.where(columns.asset_id < after)
        if states:
            query = query.where(columns.state.in_(states))
        async with self.database.read() as session:
            rows = await session.execute(query.order_by(columns.asset_id.desc()).limit(limit))
            return [upload_of(row) for row in rows]

    async def journeys(self, assets: Collection[AssetId]) -> dict[AssetId, Journey]:
        query = select(tables.journey).where(tables.journey.c.asset_id.in_(assets))
        async with self.database.read() as session:
            found = [to_journey(row) for row in await session.execute(query)]
        return {journey.asset_id: journey for journey in found}

    async def timeline(self, upload_id: UploadId, limit: int) -> list[Told]:
        columns = tables.upload_event.c
        query = select(tables.upload_event).where(columns.upload_id == upload_id)
        async with self.database.read() as session:
            rows = await session.execute(query.order_by(columns.number.desc()).limit(limit))
            return [to_told(row) for row in rows][::-1]

    async def due(self, now: datetime, limit: int) -> list[UploadId]:
        columns = tables.upload.c
        waiting = and_(columns.concat == "partial", columns.state == "verifying")
        final = tables.upload.alias("final")
        built = exists().where(final.c.id == columns.final_id, final.c.state == "verifying")
        query = select(columns.id).where(
            or_(columns.state.in_(RUNNING), and_(waiting, ~built)),
            columns.expires_at <= now,
            ~_written(),
        )
        return await self._ids(query.order_by(columns.expires_at).limit(limit))

    async def renew(self, uploads: Collection[UploadId]) -> None:
        async with self.database.write() as session:
            await session.execute(slots.HOLD, {"uploads": list(uploads), "lease": self.lease})

    async def leave(self, upload_id: UploadId, generation: int) -> None:
        async with self.database.write() as session:
            values = {"upload_id": upload_id, "generation": generation}
            await session.execute(slots.LEAVE, values)

    async def open_now(self) -> Open:
        async with self.database.read() as session:
            return slots.open_in(await session.execute(slots.OPEN))

    async def stranded_now(self) -> int:
        columns = tables.upload.c
        stranded = select(func.count()).where(
            columns.state == "verifying", columns.reason.is_not(None)
        )
        async with self.database.read() as session:
            return int(await session.scalar(stranded) or 0)

    async def forget_names(self, before: datetime) -> int:
        async with self.database.write() as session:
            return (await session.execute(_FORGET_NAMES, {"before": before})).rowcount

    async def forget_leases(self) -> None:
        async with self.database.write() as session:
            for statement in slots.FORGET:
                await session.execute(statement)

    async def uncleared(self, ended_before: datetime, limit: int) -> list[UploadId]:
        columns = tables.upload.c
        query = select(columns.id).where(
            columns.state.in_(ENDED),
            ~columns.cleared,
            func.coalesce(columns.clear_at, columns.ended_at) <= ended_before,
            ~_written(),
        )
        return await self._ids(query.order_by(columns.ended_at).limit(limit))

    async def _ids(self, query: Select[Any]) -> list[UploadId]:
        async with self.database.read() as session:
            return [UploadId(found) for found in await session.scalars(query)]
