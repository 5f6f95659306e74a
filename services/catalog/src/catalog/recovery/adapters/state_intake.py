"""media.catalog-state.v1 -> rows; tombstones and aliases are noted, their rows come from facts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from catalog.recovery.adapters.headers import asset_of, mark_of, sequence_in
from catalog.recovery.adapters.postgres_rebuilding import UNREADABLE, moved
from catalog.recovery.adapters.refusals import store_what_fits
from catalog.recovery.adapters.row_tuples import Row, copy, store_rows
from catalog.recovery.adapters.state_rows import refuse_bad_alias, rows_of
from catalog.recovery.ports import LogBatch, Positions
from common.errors import Corrupt
from common.events import AliasState, AssetState
from common.events.envelope import attributes
from common.events.topics import CATALOG_STATE, Topic
from common.postgres.engine import Database, WriteSession

GONE, ALIAS, BARE = "gone", "alias", "bare"
_ENTITIES = {b"asset": AssetState.TYPE, b"alias": AliasState.TYPE}
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
        """The record of each entity that counts: the one with the highest sequence."""
        heads: dict[UUID, tuple[int, Any]] = {}
        for record in batch.records:
            entity, _, name = (record.key or b"").partition(b"/")
            asset_id = asset_of(name)
            sequence = _sequence(record) if entity in _ENTITIES else None
            if asset_id is None or sequence is None:
                continue
            known = heads.get(asset_id)
            if known is None or known[0] < sequence:
                heads[asset_id] = sequence, record
        return {
            asset_id: (sequence, _entry(asset_id, sequence, record))
            for asset_id, (sequence, record) in heads.items()
        }

    async def store(self, digest: dict[UUID, tuple[int, Entry]], positions: Positions) -> None:
        await store_what_fits(self._store, digest, positions, _without_row)

    async def _store(self, digest: dict[UUID, tuple[int, Entry]], positions: Positions) -> None:
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
            notes = [e for e in newer.values() if isinstance(e, Note)]
            await _store_notes(session, notes)


async def forget(session: WriteSession, ids: Collection[UUID]) -> None:
    """Take rows of these assets away, and what was noted of them."""
    for statement in _FORGET if ids else ():
        await session.execute(text(statement), {"ids": list(ids)})


def _sequence(record: Any) -> int | None:
    """A reader of state asks for no more: without it a record changes nothing."""
    mark = mark_of(record)
    return mark.sequence if mark else sequence_in(attributes(record.headers))


def _entry(asset_id: UUID, sequence: int, record: Any) -> Entry:
    """A record nobody can read counts, too: its asset is denied until the next one."""
    entity, value, mark = record.key.partition(b"/")[0], record.value, mark_of(record)
    if value is None:
        return Note(asset_id, sequence, GONE)
    if mark is None or mark.type != _ENTITIES[entity]:
        return Note(asset_id, sequence, UNREADABLE)
    try:
        if entity == b"alias":
            refuse_bad_alias(asset_id, value)
            return Note(asset_id, sequence, ALIAS)
        return rows_of(asset_id, sequence, value) or Note(asset_id, sequence, BARE)
    except Corrupt as error:
        if error.code == "newer_version":
            raise
        return Note(asset_id, sequence, UNREADABLE)


def _without_row(digest: dict[UUID, tuple[int, Entry]]) -> dict[UUID, tuple[int, Entry]]:
    """What the tables refuse is told again by the facts of its asset."""
    return {
        asset_id: (sequence, Note(asset_id, sequence, UNREADABLE))
        for asset_id, (sequence, _) in digest.items()
    }


async def _known(session: WriteSession, ids: Collection[UUID]) -> dict[Any, int]:
    rows = await session.execute(text(_KNOWN), {"ids": list(ids)})
    return {row.asset_id: row.sequence for row in rows}


async def _store_notes(session: WriteSession, notes: Sequence[Note]) -> None:
    if notes:
        rows = [(note.asset_id, note.sequence, note.kind) for note in notes]
        await copy(session, "recovery_record", ("asset_id", "sequence", "kind"), rows)
