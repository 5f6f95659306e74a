"""What is still staged when all rows stand."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from catalog.recovery.adapters.staged_facts import received_of, source_of
from common.errors import Corrupt, NotYet
from common.events import ProcessingRequested, Received
from common.events.record import SourceRecord
from common.events.topics import ASSETS, CONSUMERS, PURGES, RENDITIONS, UPLOADS
from common.postgres.engine import Database
from common.postgres.parked import PostgresParking

_ORDER = {UPLOADS.name: 0, RENDITIONS.name: 1, PURGES.name: 2}
_GROUPS = {topic.name: group for group, topic in CONSUMERS.items() if group.startswith("catalog.")}
_ASSETS = text(
    "SELECT DISTINCT asset_id FROM recovery_fact"
    " WHERE CAST(:after AS uuid) IS NULL OR asset_id > CAST(:after AS uuid)"
    " ORDER BY asset_id LIMIT :limit"
)
_OF = text("SELECT * FROM recovery_fact WHERE asset_id = :asset_id")
_DONE = text(
    "DELETE FROM recovery_fact WHERE asset_id = :asset_id"
    " AND headers ->> 'ce_id' = ANY(CAST(:ids AS text[]))"
)
_LOST = text("""
SELECT asset.asset_id FROM asset LEFT JOIN (
    SELECT key, count(*) AS requests FROM outbox
    WHERE topic = :topic AND type = :type
        AND key IN (SELECT asset_id::text FROM asset WHERE state = 'processing')
    GROUP BY key
) AS told ON told.key = asset.asset_id::text
WHERE asset.state = 'processing' AND coalesce(told.requests, 0) < asset.run
ORDER BY asset.asset_id
""")


@dataclass(frozen=True, slots=True)
class PostgresLeftovers:
    """Staged facts of the schema that was filled."""

    database: Database

    async def assets(self, after: UUID | None, limit: int) -> Sequence[UUID]:
        async with self.database.read() as session:
            return list(await session.scalars(_ASSETS, {"after": after, "limit": limit}))

    async def of(self, asset_id: UUID) -> Sequence[tuple[SourceRecord, Received]]:
        async with self.database.read() as session:
            rows = (await session.execute(_OF, {"asset_id": asset_id})).all()
        found = [(record, item) for row in rows if (item := _read(record := source_of(row)))]
        return sorted(found, key=lambda pair: _place(pair[1]))

    async def done(self, asset_id: UUID, event_ids: Collection[UUID]) -> None:
        values = {"asset_id": asset_id, "ids": [str(event_id) for event_id in event_ids]}
        async with self.database.write() as session:
            await session.execute(_DONE, values)

    async def park(self, record: SourceRecord, received: Received, error: NotYet) -> None:
        group = _GROUPS[_topic(received)]
        await PostgresParking(self.database, group).park(
            record,
            received.envelope,
            reason=error.code,
            detail=error.detail,
            attempts=0,
            delay=timedelta(),
        )

    async def lost_requests(self) -> Sequence[UUID]:
        values = {"topic": ASSETS.name, "type": ProcessingRequested.TYPE}
        async with self.database.read() as session:
            return list(await session.scalars(_LOST, values))


def _read(record: SourceRecord) -> Received | None:
    try:
        received = received_of(record)
    except Corrupt:
        return None
    # our own are left of an asset whose history no row could hold: nothing is applied by them
    return None if _topic(received) == ASSETS.name else received


def _place(received: Received) -> tuple[int, int]:
    return _ORDER.get(_topic(received), len(_ORDER)), received.envelope.sequence


def _topic(received: Received) -> str:
    return received.event.TOPIC.name if received.event else ""
