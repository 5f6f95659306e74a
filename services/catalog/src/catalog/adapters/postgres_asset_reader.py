"""Assets for reading: one snapshot, no locks, two statements a page however deep."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, Select, literal_column, select

from catalog.adapters.asset_rows import from_rows
from catalog.adapters.tables import asset, library, names, rendition
from catalog.domain.states import State
from catalog.domain.viewing import LISTED
from catalog.ports import AssetFilter, AssetView
from common.events.topics import TRANSCODER, UPLOAD_GATEWAY
from common.ids import AssetId, UserId
from common.postgres.engine import Database, ReadSession


@dataclass(frozen=True, slots=True)
class PostgresAssetReader:
    """Reads the catalog's own tables."""

    database: Database

    async def find(self, asset_id: AssetId) -> AssetView | None:
        async with self.database.read() as session:
            found = await _views(session, select(asset).where(asset.c.asset_id == asset_id))
        return found[0] if found else None

    async def page(
        self, chosen: AssetFilter, *, after: AssetId | None, limit: int
    ) -> Sequence[AssetView]:
        statement = _chosen(chosen).order_by(asset.c.asset_id.desc()).limit(limit)
        if after is not None:
            statement = statement.where(asset.c.asset_id < after)
        async with self.database.read() as session:
            return await _views(session, statement)

    async def stored(self, owner: UserId, digests: Sequence[str]) -> Mapping[str, AssetId]:
        statement = (
            select(library.c.sha256, library.c.asset_id)
            .where(library.c.user_id == owner)
            .where(library.c.sha256.in_(digests))
        )
        async with self.database.read() as session:
            return {row.sha256: AssetId(row.asset_id) for row in await session.execute(statement)}


def _chosen(chosen: AssetFilter) -> Select[Any]:
    statement = select(asset)
    if chosen.owner is not None:
        statement = statement.where(asset.c.user_id == chosen.owner)
    if chosen.states is not None:
        statement = statement.where(_in_states(chosen.states))
    return statement


def _in_states(states: frozenset[State]) -> Any:
    values = sorted(state.value for state in states)
    if states == LISTED:
        # spelt out, so that the planner sees that the partial index of lists fits
        return asset.c.state.in_([literal_column(repr(value)) for value in values])
    return asset.c.state.in_(values)


async def _views(session: ReadSession, statement: Select[Any]) -> list[AssetView]:
    rows = (await session.execute(statement)).mappings().all()
    ids = [row["asset_id"] for row in rows]
    made = await _by_asset(session, select(rendition).where(rendition.c.asset_id.in_(ids)))
    named = await _by_asset(session, select(names).where(names.c.asset_id.in_(ids)))
    return [_view(row, made[row["asset_id"]], named[row["asset_id"]]) for row in rows]


async def _by_asset(session: ReadSession, statement: Select[Any]) -> dict[Any, list[RowMapping]]:
    found: dict[Any, list[RowMapping]] = defaultdict(list)
    for row in (await session.execute(statement)).mappings():
        found[row["asset_id"]].append(row)
    return found


def _view(row: RowMapping, made: list[RowMapping], named: list[RowMapping]) -> AssetView:
    by_source = {item["source"]: item for item in named}
    upload, media = by_source.get(UPLOAD_GATEWAY), by_source.get(TRANSCODER)
    return AssetView(
        asset=from_rows(row, made),
        file_name=upload["file_name"] if upload else None,
        tags=media["tags"] if media else {},
    )
