"""media.catalog-state.v1 -> rows; tombstones and aliases are noted, their rows come from facts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from catalog.recovery.adapters.headers import asset_of, last_per_key, mark_of
from catalog.recovery.adapters.postgres_rebuilding import moved
from catalog.recovery.adapters.row_tuples import Row, copy, store_rows
from catalog.recovery.adapters.state_rows import rows_of
from catalog.recovery.ports import LogBatch, Positions
from common.events.topics import CATALOG_STATE, Topic
from common.postgres.engine import Database, WriteSession

GONE, ALIAS, BARE = "gone", "alias", "bare"
ENTITIES = frozenset({b"asset", b"alias"})
_KNOWN = """
SELECT asset_id, records AS sequence FROM asset WHERE asset_id = ANY(CAST(:ids AS uuid[]))
UNION ALL
SELECT asset_id, sequence FROM recovery_record WHERE asset_id = ANY(CAST(:ids AS uuid[]))
"""
_FORGET = [
    f"DELETE FROM {table} WHERE asset_id = ANY(CAST(:ids AS uuid[]))"  # noqa: S608 (our own names)
    for table in ("rendition", "asset", "recovery_record")
]


@dataclass(frozen=True, slots=True)
class Note:
    """What a record without a row says."""

    asset_id: UUID
    sequence: int
    kind: str


Rows = tuple[Row, list[Row]]
Entry = Rows | Note


@dataclass(frozen=True, slots=True)
class StateIntake:
    """Applies a record only when its sequence is higher, as every reader of state does."""

    database: Database
    topic: Topic = CATALOG_STATE

    def digest(self, batch: LogBatch) -> dict[UUID, tuple[int, Entry]]:
        """The last record of each entity."""
        entries: dict[UUID, tuple[int, Entry]] = {}
        for record in last_per_key(batch.records):
            entity, _, name = (record.key or b"").partition(b"/")
            asset_id = asset_of(name)
            mark = mark_of(record) if entity in ENTITIES else None
            if asset_id is None or mark is None:
                continue
            known = entries.get(asset_id)
            if known is None or known[0] < mark.sequence:
                entry = _entry(asset_id, mark.sequence, entity, record.value)
                entries[asset_id] = mark.sequence, entry
        return entries

    async def store(self, digest: dict[UUID, tuple[int, Entry]], positions: Positions) -> None:
        async with self.database.write() as session:
            await moved(session, self.topic, positions)
            known = await _known(session, digest)
            newer = {
                asset_id: entry
                for asset_id, (sequence, entry) in digest.items()
                if known.get(asset_id, 0) < sequence
            }
            await forget(session, newer.keys() & known.keys())
            await store_rows(session, [e for e in newer.values() if not isinstance(e, Note)])
            await _store_notes(session, [e for e in newer.values() if isinstance(e, Note)])


async def forget(session: WriteSession, ids: Collection[UUID]) -> None:
    """Take rows of these assets away, and what was noted of them."""
    for statement in _FORGET if ids else ():
        await session.execute(text(statement), {"ids": list(ids)})


def _entry(asset_id: UUID, sequence: int, entity: bytes, value: bytes | None) -> Entry:
    if value is None:
        return Note(asset_id, sequence, GONE)
    if entity == b"alias":
        return Note(asset_id, sequence, ALIAS)
    return rows_of(asset_id, sequence, value) or Note(asset_id, sequence, BARE)


async def _known(session: WriteSession, ids: Collection[UUID]) -> dict[Any, int]:
    rows = await session.execute(text(_KNOWN), {"ids": list(ids)})
    return {row.asset_id: row.sequence for row in rows}


async def _store_notes(session: WriteSession, notes: Sequence[Note]) -> None:
    if notes:
        rows = [(note.asset_id, note.sequence, note.kind) for note in notes]
        await copy(session, "recovery_record", ("asset_id", "sequence", "kind"), rows)
