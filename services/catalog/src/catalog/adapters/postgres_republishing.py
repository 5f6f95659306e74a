"""Every state record of the catalog once more, from its rows."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Row, func, or_, select

from catalog.adapters.asset_rows import from_rows
from catalog.adapters.tables import asset as asset_table
from catalog.adapters.tables import rendition as rendition_table
from catalog.domain.publication import republish
from common.clock import SystemClock
from common.events.topics import CATALOG
from common.postgres.engine import ReadSession, WriteSession
from common.postgres.outbox import append
from common.postgres.republishing import Republishing

# readers have heard of these, or should have: purged ones get their tombstone again, so that a
# reader who slept longer than tombstones live does not go on serving what is gone
_TOLD = or_(asset_table.c.sha256.is_not(None), asset_table.c.duplicate_of.is_not(None))


async def count(session: ReadSession, after: UUID | None) -> int:
    """How many assets and aliases come after this one."""
    query = select(func.count()).select_from(asset_table).where(_TOLD)
    if after is not None:
        query = query.where(asset_table.c.asset_id > after)
    return int(await session.scalar(query) or 0)


async def batch(session: WriteSession, after: UUID | None, limit: int) -> tuple[UUID | None, int]:
    """The next ones, locked, each with its next record."""
    query = select(asset_table).where(_TOLD).order_by(asset_table.c.asset_id).limit(limit)
    if after is not None:
        query = query.where(asset_table.c.asset_id > after)
    rows = (await session.execute(query.with_for_update())).all()
    made = await _renditions(session, [row.asset_id for row in rows])
    for row in rows:
        found = from_rows(row._mapping, [item._mapping for item in made.get(row.asset_id, ())])  # noqa: SLF001 (public by its docs)
        asset, message = republish(found, clock=SystemClock())
        if message is not None:
            await session.execute(
                asset_table.update()
                .where(asset_table.c.asset_id == asset.asset_id)
                .values(records=asset.records)
            )
            await append(session, message)
    return (rows[-1].asset_id if rows else None), len(rows)


async def _renditions(
    session: WriteSession, ids: Sequence[UUID]
) -> dict[UUID, list[Row[tuple[object, ...]]]]:
    query = select(rendition_table).where(rendition_table.c.asset_id.in_(ids))
    found: dict[UUID, list[Row[tuple[object, ...]]]] = {}
    for row in await session.execute(query):
        found.setdefault(row.asset_id, []).append(row)
    return found


REPUBLISHING = Republishing(CATALOG, "state records and aliases", count, batch)
