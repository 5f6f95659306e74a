"""The live schema and a rebuilt one, row by row, by the database itself.

The live catalog goes on working. So an asset is compared at what it had read and told (`applied`,
`facts`, `records`): where both sides counted the same, every column must be the same; where the log
has gone past the snapshot, the live row is looked up again until it has caught up or gone past.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from catalog.recovery.domain.verification import Difference
from common.events.topics import ASSETS
from common.postgres.engine import Database, WriteSession

_SNAPSHOT = (
    "CREATE TABLE live_asset AS SELECT * FROM {live}.asset",
    "CREATE TABLE live_rendition AS SELECT * FROM {live}.rendition",
    "CREATE TABLE live_names AS SELECT *, false AS looked FROM {live}.names",
    "CREATE TABLE live_library AS SELECT * FROM {live}.library",
    "CREATE TABLE live_waiting AS SELECT position FROM {live}.outbox WHERE published_at IS NULL",
    "CREATE TABLE live_told AS SELECT key, sequence, event_id, type, md5(payload) AS digest"
    " FROM {live}.outbox WHERE topic = '{assets}'",
    "CREATE TABLE live_parked AS SELECT DISTINCT key FROM {live}.parked",
    "CREATE TABLE standing (asset_id uuid PRIMARY KEY, standing text NOT NULL)",
)
_INDEXES = (
    "ALTER TABLE live_asset ADD PRIMARY KEY (asset_id)",
    "CREATE INDEX ON live_rendition (asset_id)",
    "ALTER TABLE live_names ADD PRIMARY KEY (asset_id, source)",
    "CREATE UNIQUE INDEX ON live_told (key, sequence)",
    "ANALYZE",
)
_WAITING = (
    "SELECT count(*) FROM live_waiting JOIN {live}.outbox AS now USING (position)"
    " WHERE now.published_at IS NULL"
)

# how many state records an asset had that was purged is not in the log any more
_COUNTS = """
ARRAY[
    {row}.facts, CASE WHEN {row}.state = 'purged' THEN 0 ELSE {row}.records END,
    coalesce(({row}.applied ->> 'media.uploads.v1')::bigint, 0),
    coalesce(({row}.applied ->> 'media.renditions.v1')::bigint, 0),
    coalesce(({row}.applied ->> 'media.purges.v1')::bigint, 0)
]
"""
_STANDING = f"""
INSERT INTO standing
SELECT asset_id, CASE
    WHEN live.asset_id IS NULL OR rebuilt.asset_id IS NOT NULL AND EXISTS (
        SELECT FROM unnest({_COUNTS.format(row="live")}, {_COUNTS.format(row="rebuilt")})
            AS counted (live, rebuilt) WHERE counted.rebuilt > counted.live) THEN 'behind'
    WHEN rebuilt.asset_id IS NULL OR EXISTS (
        SELECT FROM unnest({_COUNTS.format(row="live")}, {_COUNTS.format(row="rebuilt")})
            AS counted (live, rebuilt) WHERE counted.live > counted.rebuilt) THEN 'ahead'
    ELSE 'same' END
FROM live_asset AS live FULL JOIN asset AS rebuilt USING (asset_id)
WHERE CAST(:ids AS uuid[]) IS NULL OR asset_id = ANY(CAST(:ids AS uuid[]))
ON CONFLICT (asset_id) DO UPDATE SET standing = excluded.standing
"""  # noqa: S608 (our own words)
_BEHIND = "SELECT asset_id FROM standing WHERE standing = 'behind'"
_LOOK_AGAIN = (
    "DELETE FROM live_rendition WHERE asset_id = ANY(CAST(:ids AS uuid[]))",
    "DELETE FROM live_asset WHERE asset_id = ANY(CAST(:ids AS uuid[]))",
    "DELETE FROM live_library WHERE asset_id = ANY(CAST(:ids AS uuid[]))",
    "INSERT INTO live_asset SELECT * FROM {live}.asset WHERE asset_id = ANY(CAST(:ids AS uuid[]))",
    "INSERT INTO live_rendition SELECT * FROM {live}.rendition"
    " WHERE asset_id = ANY(CAST(:ids AS uuid[]))",
    "INSERT INTO live_library SELECT * FROM {live}.library"
    " WHERE asset_id = ANY(CAST(:ids AS uuid[]))",
)
# what is in the row of one that was purged, and is lost by design
_FORGOTTEN = "'{version,records,media,planned,deleted_at,ready_at}'::text[]"
_ASSETS = f"""
SELECT live.asset_id AS subject, (
    SELECT string_agg(key, ', ' ORDER BY key)
    FROM jsonb_each(to_jsonb(live)) AS l FULL JOIN jsonb_each(to_jsonb(rebuilt)) AS r USING (key)
    WHERE l.value IS DISTINCT FROM r.value
        AND NOT (live.state = 'purged' AND key = ANY({_FORGOTTEN}))
) AS detail
FROM live_asset AS live JOIN asset AS rebuilt USING (asset_id) JOIN standing USING (asset_id)
WHERE standing = 'same'
"""  # noqa: S608
_RENDITIONS = """
SELECT asset_id AS subject,
    name || ': ' || CASE WHEN live IS NULL THEN 'only in the log' WHEN rebuilt IS NULL
        THEN 'not in the log' ELSE 'not the same' END AS detail
FROM (
    SELECT asset_id, r.run, r.name, to_jsonb(r) AS live FROM live_rendition AS r
    JOIN live_asset AS of USING (asset_id) WHERE of.state <> 'purged' OR r.key IS NOT NULL
) AS l FULL JOIN (
    SELECT asset_id, r.run, r.name, to_jsonb(r) AS rebuilt FROM rendition AS r
    JOIN asset AS of USING (asset_id) WHERE of.state <> 'purged' OR r.key IS NOT NULL
) AS r USING (asset_id, run, name) JOIN standing USING (asset_id)
WHERE standing = 'same' AND live IS DISTINCT FROM rebuilt
"""
_LIBRARY = """
SELECT asset_id AS subject, 'only on one side' AS detail
FROM live_library AS live FULL JOIN library AS rebuilt USING (asset_id, user_id, sha256)
JOIN standing USING (asset_id)
WHERE standing = 'same' AND (live.asset_id IS NULL) <> (rebuilt.asset_id IS NULL)
"""
# of one that is being purged only numbers are kept; a record that waits has not been applied
_NAMES_OF = """
FROM live_names AS live FULL JOIN names AS rebuilt USING (asset_id, source)
LEFT JOIN asset AS of USING (asset_id)
WHERE coalesce(of.state, '') NOT IN ('purging', 'purged')
    AND source || '/' || asset_id NOT IN (SELECT key FROM live_parked)
"""
_NAMES_BEHIND = f"""
SELECT DISTINCT asset_id {_NAMES_OF}
    AND (live.asset_id IS NULL OR live.sequence < rebuilt.sequence)
"""
_LOOK_AT_NAMES = (
    "DELETE FROM live_names WHERE asset_id = ANY(CAST(:ids AS uuid[]))",
    "INSERT INTO live_names SELECT *, true FROM {live}.names"
    " WHERE asset_id = ANY(CAST(:ids AS uuid[]))",
)
_EMPTY = (
    "live.file_name IS NULL AND live.metadata = '{}' AND live.tags = '{}' AND live.cue IS NULL"
    " AND live.captured_at IS NULL"
)
# a live row that was emptied and is not in the topic any more is a forgotten name; one that was
# looked up again may have been emptied or have gone past the log meanwhile
_NAMES = f"""
SELECT asset_id AS subject, source || ': ' || CASE
    WHEN live.asset_id IS NULL THEN 'only in the log'
    WHEN rebuilt.asset_id IS NULL THEN 'not in the topic'
    WHEN live.sequence < rebuilt.sequence THEN 'behind the log'
    WHEN live.sequence > rebuilt.sequence THEN 'past the log'
    ELSE 'not the same' END AS detail
{_NAMES_OF} AND CASE
    WHEN live.asset_id IS NULL THEN true
    WHEN rebuilt.asset_id IS NULL THEN NOT ({_EMPTY})
    WHEN live.sequence <> rebuilt.sequence THEN live.sequence < rebuilt.sequence OR NOT live.looked
    ELSE to_jsonb(live) - 'looked' <> to_jsonb(rebuilt) AND NOT (live.looked AND {_EMPTY}) END
"""
_TOLD = """
SELECT key AS subject, 'fact ' || sequence || ': ' || CASE WHEN rebuilt.key IS NULL
    THEN 'not in the log' WHEN live.key IS NULL THEN 'not in the outbox' ELSE 'not the same' END
    AS detail
FROM live_told AS live FULL JOIN (
    SELECT key, sequence, event_id, type, md5(payload) AS digest FROM outbox WHERE topic = :assets
        AND published_at IS NOT NULL
) AS rebuilt USING (key, sequence)
WHERE (live.event_id, live.type, live.digest)
        IS DISTINCT FROM (rebuilt.event_id, rebuilt.type, rebuilt.digest)
    AND (live.key IS NOT NULL
        OR sequence <= (SELECT max(sequence) FROM live_told AS last WHERE last.key = rebuilt.key))
"""
_LACKING = """
SELECT asset_id AS subject, CASE standing WHEN 'behind' THEN 'the log is past the live row'
    ELSE 'the live row is past the log' END AS detail
FROM standing WHERE standing = 'behind' AND asset_id::text NOT IN (SELECT key FROM live_parked)
    OR standing = 'ahead' AND NOT asset_id = ANY(CAST(:looked AS uuid[]))
"""
_TABLES = {
    "asset": _ASSETS,
    "rendition": _RENDITIONS,
    "library": _LIBRARY,
    "names": _NAMES,
    "outbox": _TOLD,
}


@dataclass(frozen=True, slots=True)
class PostgresComparison:
    """`database` is the scratch schema of a role that owns both; `live` the other's name."""

    database: Database
    live: str

    async def take_snapshot(self) -> None:
        """All live tables as of one moment."""
        async with self.database.write() as session:
            await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            for statement in _SNAPSHOT:
                ours = statement.format(live=self.live, assets=ASSETS.name)
                await session.exec_driver_sql(ours)
            for statement in _INDEXES:
                await session.exec_driver_sql(statement)

    async def unpublished(self) -> int:
        """Rows of the snapshot that Kafka does not have yet."""
        async with self.database.read() as session:
            return int(await session.scalar(text(_WAITING.format(live=self.live))) or 0)

    async def compare_standings(self) -> None:
        """Which assets counted the same on both sides."""
        async with self.database.write() as session:
            await session.execute(text(_STANDING), {"ids": None})

    async def look_again(self) -> Sequence[object]:
        """Read anew the live rows that the log is past; which those were."""
        async with self.database.write() as session:
            await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            ids = list(await session.scalars(text(_BEHIND)))
            if ids:
                await self._refresh(session, ids)
        return ids

    async def look_again_at_names(self) -> int:
        """The same for names; how many assets had some that the log is past."""
        async with self.database.write() as session:
            ids = list(await session.scalars(text(_NAMES_BEHIND)))
            for statement in _LOOK_AT_NAMES if ids else ():
                await session.execute(text(statement.format(live=self.live)), {"ids": ids})
        return len(ids)

    async def _refresh(self, session: WriteSession, ids: Sequence[object]) -> None:
        for statement in _LOOK_AGAIN:
            await session.execute(text(statement.format(live=self.live)), {"ids": ids})
        await session.execute(text(_STANDING), {"ids": ids})

    async def standings(self) -> dict[str, int]:
        """How many assets stand how."""
        query = text("SELECT standing, count(*) AS assets FROM standing GROUP BY standing")
        async with self.database.read() as session:
            return {row.standing: row.assets for row in await session.execute(query)}

    async def differences(self, looked: Sequence[object]) -> list[Difference]:
        """Everything that is not the same, table by table; `looked` were looked up again."""
        found: list[Difference] = []
        async with self.database.read() as session:
            rows = await session.execute(text(_LACKING), {"looked": looked})
            found += [Difference("asset", str(row.subject), row.detail) for row in rows]
            for table, query in _TABLES.items():
                values = {"assets": ASSETS.name} if table == "outbox" else {}
                rows = await session.execute(text(query), values)
                found += [
                    Difference(table, str(row.subject), row.detail) for row in rows if row.detail
                ]
        return found
