"""The asset rows for writing: locked, changed and told in one transaction."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.dialects.postgresql import insert

from catalog.adapters.asset_rows import from_rows, to_rendition_rows, to_row
from catalog.adapters.tables import asset as asset_table
from catalog.adapters.tables import rendition as rendition_table
from catalog.domain.asset import Asset, Change
from catalog.domain.publication import publish
from catalog.domain.states import State
from common.clock import Clock
from common.errors import Unavailable
from common.events import Message
from common.events.envelope import Envelope
from common.ids import AssetId
from common.postgres.engine import WriteSession
from common.postgres.outbox import append
from common.telemetry.tracing import current_traceparent

_ROW = select(asset_table)


@dataclass(frozen=True, slots=True)
class PostgresAssets:
    """Assets within one transaction.

    `clock` only stamps envelopes; decisions use the database's.
    """

    session: WriteSession
    clock: Clock

    async def lock(self, asset_id: AssetId) -> Asset | None:
        return await self._one(_ROW.where(asset_table.c.asset_id == asset_id).with_for_update())

    async def lock_or_create(self, asset: Asset) -> Asset:
        created = insert(asset_table).values(to_row(asset)).on_conflict_do_nothing()
        await self.session.execute(created)
        found = await self.lock(asset.asset_id)
        if found is None:
            # rows are never deleted, so only a broken statement can bring us here
            raise Unavailable("the asset row vanished", code="database_conflict")
        return found

    async def lock_due(self) -> Asset | None:
        due = (
            _ROW.where(asset_table.c.state == State.DELETED.value)
            .where(asset_table.c.restorable_until <= func.clock_timestamp())
            .order_by(asset_table.c.restorable_until)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        return await self._one(due)

    async def save(self, change: Change, cause: Envelope | None) -> Asset:
        asset, messages = publish(change, clock=self.clock, cause=cause)
        await self.session.execute(
            asset_table.update()
            .where(asset_table.c.asset_id == asset.asset_id)
            .values(to_row(asset))
        )
        await self._save_renditions(asset)
        # after the row is locked: that alone makes the order of the outbox the order of its history
        for message in messages:
            await append(self.session, _traced(message))
        return asset

    async def _save_renditions(self, asset: Asset) -> None:
        rows = to_rendition_rows(asset)
        if not rows:
            return
        keys = [column.name for column in rendition_table.primary_key]
        inserted = insert(rendition_table).values(rows)
        changed = {
            column.name: inserted.excluded[column.name]
            for column in rendition_table.c
            if column.name not in keys
        }
        await self.session.execute(
            inserted.on_conflict_do_update(index_elements=keys, set_=changed)
        )

    async def _one(self, statement: Select[Any]) -> Asset | None:
        row: Row[Any] | None = (await self.session.execute(statement)).one_or_none()
        if row is None:
            return None
        renditions = await self.session.execute(
            select(rendition_table).where(rendition_table.c.asset_id == row.asset_id)
        )
        return from_rows(row._mapping, [item._mapping for item in renditions])  # noqa: SLF001 (public by its docs)


def _traced(message: Message) -> Message:
    """The same record as a child of the span it was decided in: of a request or of a fact read."""
    traceparent = current_traceparent()
    if traceparent is None:
        return message
    return replace(message, envelope=replace(message.envelope, traceparent=traceparent))
