"""Compares the shadow tables with the live ones, and puts them in their place."""

from dataclasses import dataclass

from sqlalchemy import text

from common.postgres.engine import WriteSession
from janitor.adapters.shadow_tables import DROP_PREVIOUS, TABLES
from janitor.domain.differences import Differences

_OBJECTS = """
SELECT count(*) FILTER (WHERE live.key IS NULL) AS missing,
       count(*) FILTER (WHERE mine.key IS NULL) AS unknown,
       count(*) FILTER (WHERE array_position(:order, live.state)
                            < array_position(:order, mine.state)) AS behind,
       count(*) FILTER (WHERE array_position(:order, live.state)
                            > array_position(:order, mine.state)) AS ahead,
       count(*) FILTER (WHERE live.asset_id <> mine.asset_id) AS other
FROM stored_object AS live FULL JOIN rebuilt_stored_object AS mine USING (key)
"""
_ORDERS = """
SELECT count(*) FILTER (WHERE live.id IS NULL) AS missing,
       count(*) FILTER (WHERE mine.id IS NULL) AS unknown,
       count(*) FILTER (WHERE (live.asset_id, live.scope, live.keys, live.cause_event_id)
                           <> (mine.asset_id, mine.scope, mine.keys, mine.cause_event_id)) AS other,
       count(*) FILTER (WHERE live.finished_at IS NULL AND mine.finished_at IS NOT NULL) AS behind,
       count(*) FILTER (WHERE live.finished_at IS NOT NULL AND mine.finished_at IS NULL) AS ahead
FROM purge AS live FULL JOIN rebuilt_purge AS mine USING (id)
"""
_ASSETS = """
SELECT count(*) FILTER (WHERE live.asset_id IS NULL) AS missing,
       count(*) FILTER (WHERE mine.asset_id IS NULL) AS unknown,
       count(*) FILTER (WHERE live.sequence < mine.sequence) AS behind,
       count(*) FILTER (WHERE live.sequence > mine.sequence) AS ahead,
       count(*) FILTER (WHERE (live.dead_since IS NULL) <> (mine.dead_since IS NULL)) AS other
FROM asset AS live FULL JOIN rebuilt_asset AS mine USING (asset_id)
"""
_SIZES = (
    "SELECT (SELECT count(*) FROM asset) + (SELECT count(*) FROM stored_object)"
    " + (SELECT count(*) FROM purge)"
)
_LOCK = "LOCK TABLE asset, stored_object, purge IN ACCESS EXCLUSIVE MODE"
# of each index the part of its definition that does not name its table
_INDEXES = text("""
SELECT live.indexname AS live, mine.indexname AS mine
FROM pg_indexes AS live JOIN pg_indexes AS mine
  ON substring(live.indexdef FROM ' USING .*') = substring(mine.indexdef FROM ' USING .*')
 AND (live.indexdef LIKE 'CREATE UNIQUE%') = (mine.indexdef LIKE 'CREATE UNIQUE%')
WHERE live.schemaname = current_schema() AND mine.schemaname = current_schema()
  AND live.tablename = :table AND mine.tablename = :shadow
ORDER BY live.indexname
""")


@dataclass(frozen=True, slots=True)
class ShadowSwap:
    """What happens to both sets of tables, within a transaction of the caller's."""

    session: WriteSession

    async def compare(self) -> Differences:
        """Count how the live tables differ from what the log says."""
        order = {"order": ["living", "condemned", "purged"]}
        found: dict[str, int] = {}
        for what, statement in (("assets", _ASSETS), ("objects", _OBJECTS), ("orders", _ORDERS)):
            values = order if ":order" in statement else {}
            row = (await self.session.execute(text(statement), values)).mappings().one()
            found |= {f"{what}_{name}": int(number) for name, number in row.items()}
        return Differences(rows=int(await self.session.scalar(text(_SIZES)) or 0), **found)

    async def lock(self, within: float) -> None:
        """Lock everybody else out of the ledger; raises Unavailable when it takes too long."""
        await self.session.execute(text(f"SET LOCAL lock_timeout = '{int(within * 1000)}ms'"))
        await self.session.execute(text(_LOCK))

    async def swap(self) -> None:
        """Names change places: the old tables stay as `previous_…` until the next rebuild."""
        await self.session.execute(text(DROP_PREVIOUS))
        for table in TABLES:
            shadow = f"rebuilt_{table}"
            pairs = await self.session.execute(_INDEXES, {"table": table, "shadow": shadow})
            for pair in pairs.all():
                await self._rename("INDEX", pair.live, f"previous_{pair.live}")
                await self._rename("INDEX", pair.mine, pair.live)
            await self._rename("TABLE", table, f"previous_{table}")
            await self._rename("TABLE", shadow, table)
        await self.session.execute(text("DROP TABLE rebuilt_closed, rebuilt_progress, rebuilt_log"))

    async def _rename(self, kind: str, old: str, new: str) -> None:
        # our own names, from our own schema; names of tables cannot be parameters
        await self.session.execute(text(f'ALTER {kind} "{old}" RENAME TO "{new}"'))
