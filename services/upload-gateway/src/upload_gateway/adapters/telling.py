"""Statements of the streams of owners: told by transactions, read by whoever follows them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from common.postgres.engine import WriteSession
from upload_gateway.adapters import tables
from upload_gateway.domain.journey import Journey
from upload_gateway.domain.telling import Entry, Told

_COLUMNS = tuple(field.name for field in fields(Entry))
_SAID = ", ".join(_COLUMNS)
# The row of the stream stays locked until the commit: whoever comes next waits, and gets higher
# numbers. One round trip, because the creation of an upload tells too.
_WRITE = text(f"""
WITH place AS (
    INSERT INTO upload_stream AS stream (user_id, last) VALUES (:user_id, :count)
    ON CONFLICT (user_id) DO UPDATE SET last = stream.last + excluded.last
    RETURNING last
)
INSERT INTO upload_event (number, {_SAID})
SELECT place.last - :count + said.ordinality, {_SAID}
FROM place, jsonb_populate_recordset(NULL::upload_event, CAST(:entries AS jsonb))
    WITH ORDINALITY AS said
""")  # noqa: S608  (names of a dataclass's fields)


async def write(session: WriteSession, entries: Sequence[Entry]) -> None:
    """Last thing of a transaction, person by person in one order for all.

    Locks of streams are taken after all others, so nobody waits for one while holding it.
    """
    for user_id in sorted({entry.user_id for entry in entries}):
        own = [asdict(entry) for entry in entries if entry.user_id == user_id]
        values = {"user_id": user_id, "count": len(own), "entries": json.dumps(own, default=str)}
        await session.execute(_WRITE, values)


async def journey_of(session: WriteSession, asset_id: Any) -> Journey | None:
    query = select(tables.journey).where(tables.journey.c.asset_id == asset_id)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else to_journey(row)


async def follow(session: WriteSession, journey: Journey) -> None:
    values = {field.name: getattr(journey, field.name) for field in fields(Journey)}
    values |= {"renditions": dict(journey.renditions), "heard": dict(journey.heard)}
    known = upsert(tables.journey).values(values)
    await session.execute(known.on_conflict_do_update(index_elements=["asset_id"], set_=values))


def to_told(row: Row[Any]) -> Told:
    return Told(row.number, Entry(**{name: getattr(row, name) for name in _COLUMNS}))


def to_journey(row: Row[Any]) -> Journey:
    return Journey(**row._mapping)  # noqa: SLF001  (SQLAlchemy's public name for it)
