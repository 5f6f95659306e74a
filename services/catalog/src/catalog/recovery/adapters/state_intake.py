"""media.catalog-state.v1 -> rows; tombstones and aliases are noted, their rows come from facts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
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


class Head(NamedTuple):
    """A record with what its key and headers say; `type` is None where they do not tell."""

    asset_id: UUID
    sequence: int
    entity: bytes
    type: str | None
    value: bytes | None


Rows = tuple[Row, list[Row]]
Entry = Rows | Note


@dataclass(frozen=True, slots=True)
class StateIntake:
    """Applies a record only when its sequence is higher, as every reader of state does."""

    database: Database
    topic: Topic = CATALOG_STATE

    def digest(self, batch: LogBatch) -> dict[UUID, tuple[int, Entry]]:
        """The record of each entity that counts: the one with the highest sequence."""
        heads: dict[UUID, Head] = {}
        for record in batch.records:
            head = _head(record)
            if head is None:
                continue
            known = heads.get(head.asset_id)
            if known is None or known.sequence < head.sequence:
                heads[head.asset_id] = head
        return {asset_id: (head.sequence, _entry(head)) for asset_id, head in heads.items()}

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


def _head(record: Any) -> Head | None:
    """A reader of state asks for no more than key and sequence: without them it changes nothing."""
    entity, _, name = (record.key or b"").partition(b"/")
    asset_id = asset_of(name) if entity in _ENTITIES else None
    if asset_id is None:
        return None
    mark = mark_of(record)
    if mark is not None:
        return Head(asset_id, mark.sequence, entity, mark.type, record.value)
    sequence = sequence_in(attributes(record.headers))
    return None if sequence is None else Head(asset_id, sequence, entity, None, record.value)


def _entry(head: Head) -> Entry:
    """A record nobody can read counts, too: its asset is denied until the next one."""
    asset_id, sequence, entity, type_, value = head
    if value is None:
        return Note(asset_id, sequence, GONE)
    if type_ != _ENTITIES[entity]:
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
