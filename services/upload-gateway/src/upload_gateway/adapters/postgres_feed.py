"""What owners are told, read for all listeners of a process at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Row, Select, Uuid, bindparam, exists, select, text

from common.ids import AssetId, UploadId, UserId
from common.postgres.engine import Database, ReadSession
from upload_gateway.adapters import tables
from upload_gateway.adapters.postgres_transaction import upload_of
from upload_gateway.adapters.telling import to_journey, to_told
from upload_gateway.domain.telling import Moving, News, Standing, Told

_UPLOAD = tables.upload
_MOVING_EACH = 100  # uploads of one person that are told of at once
_FORGOTTEN_AT_ONCE = 100  # people

_USERS = bindparam("users", type_=ARRAY(Uuid))
_NEWS = text("""
SELECT cursor.place, event.*
FROM unnest(:users, :afters) WITH ORDINALITY AS cursor (user_id, after, place)
CROSS JOIN LATERAL (
    SELECT * FROM upload_event
    WHERE upload_event.user_id = cursor.user_id AND number > cursor.after
    ORDER BY number LIMIT :limit
) AS event
ORDER BY cursor.place, event.number
""").bindparams(_USERS, bindparam("afters", type_=ARRAY(BigInteger)))
# it moves while it holds a slot, and while a job reads its bytes; jobs are named by their assets
_MOVING = text("""
SELECT person.id AS user_id, moving.*
FROM unnest(:users) AS person (id)
CROSS JOIN LATERAL (
    SELECT upload.id, asset_id, state, "offset" AS bytes, length AS total
    FROM upload LEFT JOIN upload_lease ON upload_lease.upload_id = upload.id
    WHERE upload.user_id = person.id AND state IN ('created', 'receiving', 'verifying')
        AND concat <> 'partial'
        AND CASE WHEN state = 'verifying'
            THEN EXISTS (SELECT FROM job WHERE job.id = asset_id AND job.state = 'running')
            ELSE upload_lease.until > clock_timestamp() END
    ORDER BY asset_id DESC LIMIT :limit
) AS moving
ORDER BY person.id, moving.asset_id
""").bindparams(_USERS)
_BOUNDS = text("""
SELECT last, coalesce(
    (SELECT min(number) - 1 FROM upload_event WHERE upload_event.user_id = stream.user_id), last
) AS floor
FROM upload_stream AS stream WHERE user_id = :user_id
""")
# a person's oldest ones go first, whatever the clock said when they were told: what is left has no
# hole in it
_FORGET = text("""
WITH old AS (
    SELECT user_id, max(number) AS number FROM (
        SELECT user_id, number FROM upload_event WHERE kept_at < :before ORDER BY kept_at LIMIT 1000
    ) AS found GROUP BY user_id LIMIT :people
)
DELETE FROM upload_event USING old
WHERE upload_event.user_id = old.user_id AND upload_event.number <= old.number
""")


@dataclass(frozen=True, slots=True)
class PostgresFeed:
    """Feed on the gateway's schema; each read is one snapshot, of entries and rows alike."""

    database: Database

    async def standing(self, user_id: UserId, limit: int) -> Standing:
        async with self.database.read() as session:
            bounds = (await session.execute(_BOUNDS, {"user_id": user_id})).one_or_none()
            journeys = await _rows(session, _travelling(user_id, limit))
            uploads = await _rows(session, _open(user_id, limit))
            unheard = await _rows(session, _unheard(user_id, limit))
            assets = [row.asset_id for row in journeys[:limit]]
            stored = await _rows(session, select(_UPLOAD).where(_UPLOAD.c.asset_id.in_(assets)))
        floor, last = (bounds.floor, bounds.last) if bounds else (0, 0)
        return Standing(
            floor,
            last,
            tuple(upload_of(row) for row in (*uploads[:limit], *unheard, *stored)),
            tuple(to_journey(row) for row in journeys[:limit]),
            more=max(len(journeys), len(uploads)) > limit,
        )

    async def news(self, cursors: Sequence[tuple[UserId, int]], limit: int) -> list[News]:
        users = [user_id for user_id, _ in cursors]
        wanted = {"users": users, "afters": [after for _, after in cursors], "limit": limit}
        async with self.database.read() as session:
            rows = (await session.execute(_NEWS, wanted)).all()
            people = {"users": sorted(set(users)), "limit": _MOVING_EACH}
            moving = _by_person((await session.execute(_MOVING, people)).all())
        told = _by_place(rows)
        return [
            _news(told.get(place, ()), moving.get(user_id, ()), limit)
            for place, user_id in enumerate(users, 1)
        ]

    async def forget(self, before: datetime) -> int:
        async with self.database.write() as session:
            values = {"before": before, "people": _FORGOTTEN_AT_ONCE}
            return (await session.execute(_FORGET, values)).rowcount


def _news(told: tuple[Told, ...], moving: tuple[Moving, ...], limit: int) -> News:
    """How far bytes are belongs after all that was told before; entries beyond the limit wait."""
    return News(told, moving if len(told) < limit else ())


def _by_place(rows: Sequence[Any]) -> dict[int, tuple[Told, ...]]:
    grouped = groupby(rows, key=lambda row: int(row.place))
    return {place: tuple(to_told(row) for row in found) for place, found in grouped}


def _by_person(rows: Sequence[Any]) -> dict[UserId, tuple[Moving, ...]]:
    grouped = groupby(rows, key=lambda row: UserId(row.user_id))
    return {
        user_id: tuple(
            Moving(UploadId(row.id), AssetId(row.asset_id), row.state, row.bytes, row.total)
            for row in found
        )
        for user_id, found in grouped
    }


def _travelling(user_id: UserId, limit: int) -> Select[Any]:
    columns = tables.journey.c
    unfinished = columns.state.in_(("registered", "processing"))
    query = select(tables.journey).where(columns.user_id == user_id, unfinished)
    return query.order_by(columns.asset_id.desc()).limit(limit + 1)


def _open(user_id: UserId, limit: int) -> Select[Any]:
    columns = _UPLOAD.c
    unfinished = columns.state.in_(("created", "receiving", "verifying"))
    query = select(_UPLOAD).where(
        columns.user_id == user_id, unfinished, columns.concat != "partial"
    )
    return query.order_by(columns.asset_id.desc()).limit(limit + 1)


def _unheard(user_id: UserId, limit: int) -> Select[Any]:
    """Stored ones of whose asset nothing is known yet, among this person's newest uploads."""
    columns = _UPLOAD.c
    whole = select(_UPLOAD).where(columns.user_id == user_id, columns.concat != "partial")
    found = whole.order_by(columns.asset_id.desc()).limit(limit).subquery()
    heard = exists().where(tables.journey.c.asset_id == found.c.asset_id)
    return select(found).where(found.c.state == "stored", ~heard)


async def _rows(session: ReadSession, query: Select[Any]) -> list[Row[Any]]:
    return list((await session.execute(query)).all())
