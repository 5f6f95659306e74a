"""What the transcoder brings to `reprise state republish`: what files say of themselves."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from sqlalchemy import text

from common.clock import SystemClock
from common.events import MediaDetails
from common.events.topics import TRANSCODER
from common.postgres.engine import ReadSession, WriteSession
from common.postgres.json_column import json_of_column
from common.postgres.outbox import append
from common.postgres.republishing import Republishing
from transcoder.adapters.details_record import details_record
from transcoder.adapters.processing_row import to_processing

# kept, or taken back: a tombstone is said again too, for a reader that had not got so far. A record
# older than the column was kept nowhere, and a tombstone would take it from those who have it.
_TOLD = (
    "details_sequence > 0 AND (details IS NOT NULL OR state = 'gone')"
    " AND (CAST(:after AS uuid) IS NULL OR asset_id > CAST(:after AS uuid))"
)
_COUNT = text(f"SELECT count(*) FROM processing WHERE {_TOLD}")  # noqa: S608 (our own words)
_NEXT = text(
    f"SELECT * FROM processing WHERE {_TOLD}"  # noqa: S608 (our own words)
    " ORDER BY asset_id LIMIT :limit FOR UPDATE"
)
_MOVE = text("UPDATE processing SET details_sequence = :sequence WHERE asset_id = :asset_id")


async def count(session: ReadSession, after: UUID | None) -> int:
    """How many assets that ever had a details record come after this one."""
    return int(await session.scalar(_COUNT, {"after": after}) or 0)


async def batch(session: WriteSession, after: UUID | None, limit: int) -> tuple[UUID | None, int]:
    """The next ones, locked, each with its details or its tombstone under the next sequence."""
    found = (await session.execute(_NEXT, {"after": after, "limit": limit})).mappings().all()
    for row in found:
        await _tell(session, cast("Mapping[str, Any]", row))
    return (found[-1]["asset_id"] if found else None), len(found)


async def _tell(session: WriteSession, row: Mapping[str, Any]) -> None:
    processing = to_processing(row)
    again = replace(processing, details_sequence=processing.details_sequence + 1)
    values = {"asset_id": again.asset_id, "sequence": again.details_sequence}
    await session.execute(_MOVE, values)
    await append(session, details_record(again, _details(row["details"]), SystemClock()))


def _details(kept: Any) -> MediaDetails | None:
    return None if kept is None else MediaDetails.model_validate(json_of_column(kept))


REPUBLISHING = Republishing(TRANSCODER, "details of files", count, batch)
