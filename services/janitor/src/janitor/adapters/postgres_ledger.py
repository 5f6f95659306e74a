"""The ledger's rows, within a transaction that holds their asset."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from common.ids import AssetId, ObjectKey
from common.postgres.engine import WriteSession
from janitor.domain.ledger import Declaration, ObjectState
from janitor.domain.purge_order import PurgeOrder

_ENTER_ASSET = text(
    "INSERT INTO asset (asset_id) VALUES (:asset_id) ON CONFLICT (asset_id) DO NOTHING"
)
_HOLD = text("SELECT dead_since IS NOT NULL FROM asset WHERE asset_id = :asset_id FOR UPDATE")
_ENTER_ASSETS = text(
    "INSERT INTO asset (asset_id) SELECT asset_id FROM unnest(CAST(:ids AS uuid[])) AS a (asset_id)"
    " ORDER BY asset_id ON CONFLICT (asset_id) DO NOTHING"
)
_HOLD_ALL = text(
    "SELECT asset_id, dead_since IS NOT NULL FROM asset"
    " WHERE asset_id = ANY(CAST(:ids AS uuid[])) ORDER BY asset_id FOR UPDATE"
)
_MANY = (
    " FROM unnest(CAST(:keys AS text[]), CAST(:assets AS uuid[]), CAST(:declarers AS text[]),"
    " CAST(:events AS uuid[])) AS told (key, asset_id, declared_by, event_id)"
)
_FILL_IN = (
    " ON CONFLICT (key) DO UPDATE SET declared_by = excluded.declared_by,"
    " declared_event_id = excluded.declared_event_id WHERE stored_object.declared_by IS NULL"
)
_DECLARE_LIVING = text(
    "INSERT INTO stored_object (key, asset_id, state, declared_by, declared_event_id)"
    " SELECT key, asset_id, 'living', declared_by, event_id" + _MANY + _FILL_IN
)
_DECLARE_CONDEMNED = text(
    "INSERT INTO stored_object (key, asset_id, state, declared_by, declared_event_id,"
    " reason, cause_event_id, ordered_by, condemned_at)"
    " SELECT key, asset_id, 'condemned', declared_by, event_id,"
    " dead_reason, dead_event_id, dead_source, clock_timestamp()"
    + _MANY
    + " JOIN asset USING (asset_id)"
    + _FILL_IN
)
_CONDEMN_NAMED = text(
    "INSERT INTO stored_object"
    " (key, asset_id, state, reason, cause_event_id, ordered_by, condemned_at)"
    " SELECT key, :asset_id, 'condemned', :reason, :cause, :ordered_by, clock_timestamp()"
    " FROM unnest(CAST(:keys AS text[])) AS named (key)"
    " ON CONFLICT (key) DO UPDATE SET state = 'condemned', reason = excluded.reason,"
    " cause_event_id = excluded.cause_event_id, ordered_by = excluded.ordered_by,"
    " condemned_at = excluded.condemned_at WHERE stored_object.state = 'living'"
)
_CONDEMN_ALL = text(
    "UPDATE stored_object SET state = 'condemned', reason = :reason, cause_event_id = :cause,"
    " ordered_by = :ordered_by, condemned_at = clock_timestamp()"
    " WHERE asset_id = :asset_id AND state = 'living'"
)
_END_ASSET = text(
    "UPDATE asset SET dead_since = clock_timestamp(), dead_reason = :reason,"
    " dead_event_id = :cause, dead_source = :ordered_by"
    " WHERE asset_id = :asset_id AND dead_since IS NULL"
)
# the cause is that of the order which deleted it, not of an earlier fact that only condemned it
_CLOSE = text(
    "UPDATE stored_object SET state = 'purged', purged_at = clock_timestamp(), reason = :reason,"
    " cause_event_id = :cause, ordered_by = :ordered_by"
    " WHERE key = ANY(CAST(:keys AS text[])) AND asset_id = :asset_id AND state <> 'purged'"
    " RETURNING key"
)


@dataclass(frozen=True, slots=True)
class PostgresLedger:
    """The `Ledger` port on one write session."""

    session: WriteSession

    async def hold(self, asset_id: AssetId) -> bool:
        await self.session.execute(_ENTER_ASSET, {"asset_id": asset_id})
        return bool(await self.session.scalar(_HOLD, {"asset_id": asset_id}))

    async def declare(self, declaration: Declaration, state: ObjectState) -> None:
        await self.declare_all([declaration], state)

    async def hold_all(self, asset_ids: Collection[AssetId]) -> frozenset[AssetId]:
        values = {"ids": sorted(set(asset_ids))}
        await self.session.execute(_ENTER_ASSETS, values)
        held = await self.session.execute(_HOLD_ALL, values)
        return frozenset(AssetId(asset_id) for asset_id, dead in held if dead)

    async def declare_all(self, declarations: Sequence[Declaration], state: ObjectState) -> None:
        first: dict[ObjectKey, Declaration] = {}
        for declaration in declarations:
            first.setdefault(declaration.key, declaration)
        living = state is ObjectState.LIVING
        values = {
            "keys": list(first),
            "assets": [item.asset_id for item in first.values()],
            "declarers": [item.declared_by for item in first.values()],
            "events": [item.event_id for item in first.values()],
        }
        if first:
            statement = _DECLARE_LIVING if living else _DECLARE_CONDEMNED
            await self.session.execute(statement, values)

    async def condemn(self, order: PurgeOrder) -> None:
        values = _cause_of(order)
        await self.session.execute(_CONDEMN_NAMED, values | {"keys": list(order.keys)})
        if order.ends_asset:
            await self.session.execute(_CONDEMN_ALL, values)
            await self.session.execute(_END_ASSET, values)

    async def close(self, order: PurgeOrder) -> Sequence[ObjectKey]:
        values = _cause_of(order) | {"keys": list(order.keys)}
        return [ObjectKey(key) for key in await self.session.scalars(_CLOSE, values)]


def _cause_of(order: PurgeOrder) -> dict[str, object]:
    return {
        "asset_id": order.asset_id,
        "reason": order.reason,
        "cause": order.cause.event_id,
        "ordered_by": order.cause.source,
    }
