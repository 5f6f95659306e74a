"""What operators read of the ledger and the orders, by key and never by offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from common.ids import AssetId, EventId, ObjectKey
from common.postgres.engine import Database
from janitor.adapters.postgres_orders import purge_of
from janitor.domain.ledger import LedgerEntry, ObjectState
from janitor.domain.purge_order import Purge

_OBJECTS = text(
    "SELECT key, asset_id, state, declared_by, first_seen, reason, cause_event_id, ordered_by,"
    " condemned_at, purged_at FROM stored_object"
    " WHERE asset_id = :asset_id AND key > :after ORDER BY key LIMIT :limit"
)
_NEWEST = text("SELECT * FROM purge ORDER BY ordered_at DESC, id DESC LIMIT :limit")
_OLDER = text(
    "SELECT * FROM purge WHERE (ordered_at, id) < (:ordered_at, :id)"
    " ORDER BY ordered_at DESC, id DESC LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class PostgresRegister:
    """The `Register` port."""

    database: Database

    async def objects(
        self, asset_id: AssetId, *, after: ObjectKey | None, limit: int
    ) -> Sequence[LedgerEntry]:
        values = {"asset_id": asset_id, "after": after or "", "limit": limit}
        async with self.database.read() as session:
            return [_entry(row) for row in await session.execute(_OBJECTS, values)]

    async def purges(
        self, *, before: tuple[datetime, EventId] | None, limit: int
    ) -> Sequence[Purge]:
        values: dict[str, object] = {"limit": limit}
        if before:
            values |= {"ordered_at": before[0], "id": before[1]}
        async with self.database.read() as session:
            rows = await session.execute(_OLDER if before else _NEWEST, values)
            return [purge_of(row) for row in rows]


def _entry(row: Row[Any]) -> LedgerEntry:
    return LedgerEntry(
        key=ObjectKey(row.key),
        asset_id=AssetId(row.asset_id),
        state=ObjectState(row.state),
        declared_by=row.declared_by,
        first_seen=row.first_seen,
        reason=row.reason,
        cause=EventId(row.cause_event_id) if row.cause_event_id else None,
        ordered_by=row.ordered_by,
        condemned_at=row.condemned_at,
        purged_at=row.purged_at,
    )
