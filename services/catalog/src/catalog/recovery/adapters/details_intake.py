"""media.details.v1 -> names; of assets that are being purged only the numbers."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from catalog.adapters.tables import names
from catalog.domain.details import Details, details_of
from catalog.domain.states import State
from catalog.recovery.adapters.headers import newest_first
from catalog.recovery.adapters.postgres_rebuilding import moved
from catalog.recovery.adapters.refusals import store_what_fits
from catalog.recovery.adapters.row_tuples import Row, copy
from catalog.recovery.ports import LogBatch, Positions
from common.errors import Corrupt
from common.events import decode
from common.events.topics import DETAILS, Topic
from common.postgres.engine import Database, WriteSession

COLUMNS = tuple(column.name for column in names.c)
_GOING = text(
    "SELECT asset_id FROM asset WHERE asset_id = ANY(CAST(:ids AS uuid[]))"
    " AND state = ANY(CAST(:going AS text[]))"
)
_KNOWN = text(
    "SELECT asset_id, source, sequence FROM names WHERE asset_id = ANY(CAST(:ids AS uuid[]))"
)
_REPLACED = text(
    "DELETE FROM names USING unnest(CAST(:ids AS uuid[]), CAST(:sources AS text[]))"
    " AS newer (asset_id, source)"
    " WHERE names.asset_id = newer.asset_id AND names.source = newer.source"
)


@dataclass(frozen=True, slots=True)
class DetailsIntake:
    """Runs when the states of all assets are known."""

    database: Database
    topic: Topic = DETAILS

    def digest(self, batch: LogBatch) -> dict[tuple[UUID, str], Details]:
        """The last record of each asset and producer that can be read."""
        found: dict[tuple[UUID, str], Details] = {}
        done: set[bytes | None] = set()
        for _, record in newest_first(batch.records):
            if record.key in done:
                continue
            try:
                details = details_of(decode(record.key, record.headers, record.value))
            except Corrupt:
                continue  # every consumer skipped it, too
            done.add(record.key)
            known = found.setdefault((details.asset_id, details.source), details)
            if known.sequence < details.sequence:  # under two keys, one of them not in our form
                found[details.asset_id, details.source] = details
        return found

    async def store(self, digest: dict[tuple[UUID, str], Details], positions: Positions) -> None:
        await store_what_fits(self._store, digest, positions)

    async def _store(self, digest: dict[tuple[UUID, str], Details], positions: Positions) -> None:
        async with self.database.write() as session:
            await moved(session, self.topic, positions)
            ids = list({asset_id for asset_id, _ in digest})
            known = {(r.asset_id, r.source): r for r in await session.execute(_KNOWN, {"ids": ids})}
            newer = {
                place: details
                for place, details in digest.items()
                if place not in known or known[place].sequence < details.sequence
            }
            await _replace(session, newer.keys() & known.keys())
            going = await _going(session, ids)
            kept = [d.emptied() if d.asset_id in going else d for d in newer.values()]
            if kept:
                await copy(session, "names", COLUMNS, map(_row, kept))


async def _going(session: WriteSession, ids: list[UUID]) -> set[UUID]:
    going = [State.PURGING.value, State.PURGED.value]
    return set(await session.scalars(_GOING, {"ids": ids, "going": going}))


async def _replace(session: WriteSession, places: Collection[tuple[UUID, str]]) -> None:
    if places:
        ids, sources = zip(*places, strict=True)
        await session.execute(_REPLACED, {"ids": list(ids), "sources": list(sources)})


def _row(details: Details) -> Row:
    return (
        details.asset_id,
        details.source,
        details.sequence,
        details.file_name,
        json.dumps(dict(details.metadata)),
        json.dumps(dict(details.tags)),
        details.cue,
        details.captured_at,
    )
