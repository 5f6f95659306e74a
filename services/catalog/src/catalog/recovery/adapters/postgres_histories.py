"""Assets that the state topic alone does not give, with all that the log says of them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from catalog.adapters.asset_rows import from_rows
from catalog.domain.asset import Asset
from catalog.recovery.adapters.postgres_rebuilding import UNREADABLE
from catalog.recovery.adapters.refusals import REFUSED, halves
from catalog.recovery.adapters.row_tuples import asset_tuple, copy, rendition_tuples, store_rows
from catalog.recovery.adapters.staged_facts import COLUMNS, received_of, source_of
from catalog.recovery.adapters.state_intake import BARE, forget
from catalog.recovery.domain.history import History, Retold
from common.errors import Corrupt
from common.events import Received
from common.events.topics import ASSETS
from common.postgres.engine import Database, WriteSession
from common.postgres.json_column import json_of_column
from common.postgres.outbox import append

_COUNT = text("SELECT count(DISTINCT asset_id) FROM recovery_fact")
_CURSOR = text("SELECT cursor FROM recovery_step")
_MOVE = text("UPDATE recovery_step SET cursor = :cursor")
_COUNTED = text(
    "UPDATE recovery_step SET unexplained = unexplained + :unexplained, unreadable = unreadable"
    " + (SELECT count(*) FROM recovery_record"
    " WHERE asset_id = ANY(CAST(:ids AS uuid[])) AND kind = :kind)"
)
_NEXT = text("""
SELECT DISTINCT asset_id FROM recovery_fact
WHERE CAST(:after AS uuid) IS NULL OR asset_id > CAST(:after AS uuid) ORDER BY asset_id LIMIT :limit
""")
_OF = "SELECT * FROM {table} WHERE asset_id = ANY(CAST(:ids AS uuid[]))"
_DONE = text("DELETE FROM recovery_fact WHERE asset_id = ANY(CAST(:ids AS uuid[]))")


@dataclass(frozen=True, slots=True)
class PostgresHistories:
    """Staged facts with the rows they go on from."""

    database: Database

    async def count(self) -> int:
        async with self.database.read() as session:
            return int(await session.scalar(_COUNT) or 0)

    async def cursor(self) -> UUID | None:
        async with self.database.read() as session:
            found: UUID | None = await session.scalar(_CURSOR)
        return found

    async def after(self, asset_id: UUID | None, limit: int) -> Sequence[tuple[UUID, History]]:
        async with self.database.read() as session:
            ids = list(await session.scalars(_NEXT, {"after": asset_id, "limit": limit}))
            parts = {
                table: _by_asset(await session.execute(text(_OF.format(table=table)), {"ids": ids}))
                for table in ("asset", "rendition", "recovery_record", "recovery_fact")
            }
        return [(found, _history(found, parts)) for found in ids]

    async def store(self, retold: Sequence[tuple[UUID, Retold]]) -> None:
        try:
            await self._store(retold)
        except REFUSED:
            if len(retold) == 1:
                await self._pass_over(retold[0][0])
                return
            for part in halves(retold):
                await self.store(part)

    async def _pass_over(self, asset_id: UUID) -> None:
        """No row can hold what came of it: its facts stay, each for a live use case to try.

        That is counted as one fact unexplained.
        """
        async with self.database.write() as session:
            await session.execute(_MOVE, {"cursor": asset_id})
            await _count(session, 1, [])

    async def _store(self, retold: Sequence[tuple[UUID, Retold]]) -> None:
        ids = [asset_id for asset_id, _ in retold]
        async with self.database.write() as session:
            unexplained = sum(item.unexplained for _, item in retold)
            await session.execute(_MOVE, {"cursor": ids[-1]})
            await _count(session, unexplained, ids)
            staged = await _staged(session, ids)
            await forget(session, ids)
            await session.execute(_DONE, {"ids": ids})
            assets = [item.asset for _, item in retold if item.asset]
            await store_rows(session, [(asset_tuple(a), rendition_tuples(a)) for a in assets])
            await _keep(session, staged, retold)
            for _, item in retold:
                for message in item.untold:
                    await append(session, message)


async def _count(session: WriteSession, unexplained: int, ids: Sequence[UUID]) -> None:
    values = {"unexplained": unexplained, "ids": list(ids), "kind": UNREADABLE}
    await session.execute(_COUNTED, values)


async def _staged(session: WriteSession, ids: Sequence[UUID]) -> dict[str, Row[Any]]:
    rows = await session.execute(text(_OF.format(table="recovery_fact")), {"ids": ids})
    return {json_of_column(row.headers)["ce_id"]: row for row in rows}


async def _keep(
    session: WriteSession, staged: dict[str, Row[Any]], retold: Iterable[tuple[UUID, Retold]]
) -> None:
    """What is left waits for the live use cases."""
    left = [staged[str(item.envelope.id)] for _, found in retold for item in found.left]
    if left:
        rows = [tuple(_column(row, name) for name in COLUMNS) for row in left]
        await copy(session, "recovery_fact", COLUMNS, rows)


def _history(asset_id: UUID, parts: dict[str, dict[UUID, list[Row[Any]]]]) -> History:
    rows = sorted(parts["recovery_fact"][asset_id], key=lambda row: (row.topic, row.offset))
    facts = [received for row in rows if (received := _read(row))]
    told = [item for item in facts if item.event and item.event.TOPIC is ASSETS]
    base = _base(asset_id, parts)
    record = next(iter(parts["recovery_record"][asset_id]), None)
    sequence = record.sequence if record else 0
    return History(
        base=base,
        told=tuple(told),
        inputs=tuple(item for item in facts if item.event and item.event.TOPIC is not ASSETS),
        record=base.records if base else sequence,
        closed=record is not None and record.kind not in {BARE, UNREADABLE},
    )


def _base(asset_id: UUID, parts: dict[str, dict[UUID, list[Row[Any]]]]) -> Asset | None:
    rows = parts["asset"][asset_id]
    if not rows:
        return None
    made = [row._mapping for row in parts["rendition"][asset_id]]  # noqa: SLF001 (public by its docs)
    return from_rows(rows[0]._mapping, made)  # noqa: SLF001


def _read(row: Row[Any]) -> Received | None:
    try:
        return received_of(source_of(row))
    except Corrupt:
        return None  # every consumer put it among its dead letters


def _by_asset(rows: Iterable[Row[Any]]) -> dict[UUID, list[Row[Any]]]:
    found: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.asset_id].append(row)
    return found


def _column(row: Row[Any], name: str) -> Any:
    return json.dumps(json_of_column(row.headers)) if name == "headers" else row._mapping[name]  # noqa: SLF001
