"""The schema while it is filled: bare tables, where reading stands, and how all becomes whole."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from catalog.domain.states import LIVING
from catalog.recovery.domain.history import Tally
from catalog.recovery.ports import Positions
from common.errors import Corrupt
from common.events.topics import CATALOG_STATE, Topic
from common.postgres.engine import Database, WriteSession

# One row for each partition; a step's name once it is begun; what was taken off the tables to fill
# them faster; records that are no rows; facts that no row covers yet. All of it goes at the end.
_TABLES = (
    "CREATE TABLE recovery_offset (topic text, part integer, next bigint NOT NULL,"
    ' "end" bigint NOT NULL, PRIMARY KEY (topic, part))',
    "CREATE TABLE recovery_step (name text NOT NULL, cursor uuid,"
    " unexplained bigint NOT NULL DEFAULT 0, unreadable bigint NOT NULL DEFAULT 0)",
    "CREATE TABLE recovery_definition (position integer PRIMARY KEY, statement text NOT NULL)",
    "CREATE TABLE recovery_record (asset_id uuid PRIMARY KEY, sequence bigint NOT NULL,"
    " kind text NOT NULL)",
    "CREATE TABLE recovery_fact (asset_id uuid NOT NULL, topic text NOT NULL, part integer NOT"
    ' NULL, "offset" bigint NOT NULL, "timestamp" bigint NOT NULL, headers jsonb NOT NULL,'
    " value bytea)",
    "CREATE INDEX recovery_fact_asset ON recovery_fact (asset_id)",
    "INSERT INTO recovery_step (name) VALUES ('')",
)
NAMES = ("recovery_fact", "recovery_record", "recovery_definition", "recovery_offset")
MARK = "recovery_step"  # the last to go: while it is there, the schema is not whole

_FILLED = ("asset", "rendition", "library", "names")
# foreign keys and unique constraints, then indexes that no constraint stands on
_CONSTRAINTS = """
SELECT conrelid::regclass::text AS at, quote_ident(conname) AS name, pg_get_constraintdef(oid) AS is
FROM pg_constraint WHERE conrelid = ANY(CAST(:tables AS regclass[])) AND contype IN ('f', 'u')
ORDER BY contype DESC, conname
"""
_INDEXES = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS is FROM pg_index
WHERE indrelid = ANY(CAST(:tables AS regclass[]))
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
ORDER BY 1
"""
_OFFSET = text(
    'INSERT INTO recovery_offset (topic, part, next, "end") VALUES (:topic, :part, 0, :end)'
)
_MOVED = text(
    "UPDATE recovery_offset SET next = moved.next FROM unnest(CAST(:parts AS integer[]),"
    " CAST(:offsets AS bigint[])) AS moved (part, next)"
    " WHERE topic = :topic AND recovery_offset.part = moved.part"
)
# those whose assets were told again are counted, the others stand where they were noted
UNREADABLE = "unreadable"
_TALLY = text(
    "SELECT unexplained, unreadable + (SELECT count(*) FROM recovery_record WHERE kind = :kind)"
    " AS unreadable FROM recovery_step"
)
_LIBRARY = text(
    "INSERT INTO library (user_id, sha256, asset_id)"
    " SELECT user_id, sha256, asset_id FROM asset WHERE state = ANY(CAST(:living AS text[]))"
    " ON CONFLICT (asset_id) DO NOTHING"
)
_STATE_HEADS = text(
    "INSERT INTO outbox_head (topic, key, sequence)"
    " SELECT :topic, CASE WHEN duplicate_of IS NULL THEN 'asset/' ELSE 'alias/' END || asset_id,"
    " records FROM asset WHERE records > 0 ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class PostgresRebuilding:
    """One schema, which nobody else writes to."""

    database: Database

    async def begin(self, ends: Mapping[str, Positions]) -> None:
        if await unfinished(self.database):
            return
        async with self.database.write() as session:
            for statement in _TABLES:
                await session.execute(text(statement))
            for topic, positions in ends.items():
                for part, end in positions.items():
                    row = {"topic": topic, "part": part, "end": end}
                    await session.execute(_OFFSET, row)
            await _take_off(session)

    async def progress(self, topic: Topic) -> tuple[Positions, Positions]:
        query = text('SELECT part, next, "end" FROM recovery_offset WHERE topic = :topic')
        async with self.database.read() as session:
            rows = (await session.execute(query, {"topic": topic.name})).all()
        return {row.part: row.next for row in rows}, {row.part: row.end for row in rows}

    async def step(self) -> str:
        async with self.database.read() as session:
            return str(await session.scalar(text("SELECT name FROM recovery_step")))

    async def enter(self, step: str) -> None:
        async with self.database.write() as session:
            await session.execute(
                text("UPDATE recovery_step SET name = :name, cursor = NULL"), {"name": step}
            )

    async def tally(self) -> Tally:
        async with self.database.read() as session:
            row = (await session.execute(_TALLY, {"kind": UNREADABLE})).one()
        return Tally(row.unexplained, row.unreadable)

    async def derive(self) -> None:
        try:
            await self._make_whole()
        except IntegrityError as error:
            raise Corrupt(
                "two living assets hold the same bytes for one owner, or two renditions one key:"
                " the log was not written by one catalog",
                code="log_inconsistent",
            ) from error

    async def _make_whole(self) -> None:
        async with self.database.write() as session:
            living = sorted(state.value for state in LIVING)
            definitions = text("SELECT statement FROM recovery_definition ORDER BY position")
            statements = list(await session.scalars(definitions))
            # constraints first: the library leans on one of them
            for statement in statements:
                await session.exec_driver_sql(statement)
            await session.execute(text("DELETE FROM recovery_definition"))
            await session.execute(_LIBRARY, {"living": living})
            await session.execute(_STATE_HEADS, {"topic": CATALOG_STATE.name})


async def unfinished(database: Database) -> bool:
    """Whether a recovery was begun in this schema and not ended."""
    async with database.read() as session:
        return bool(await session.scalar(text(f"SELECT to_regclass('{MARK}') IS NOT NULL")))


async def moved(session: WriteSession, topic: Topic, positions: Positions) -> None:
    """Note where reading goes on, in the transaction of what was read."""
    values = {"topic": topic.name, "parts": list(positions), "offsets": list(positions.values())}
    await session.execute(_MOVED, values)


async def clear_away(session: WriteSession) -> None:
    """The schema is whole; what was only for recovery goes."""
    for table in (*NAMES, MARK):
        await session.execute(text(f"DROP TABLE {table}"))


async def _take_off(session: WriteSession) -> None:
    """Filled bare and made whole at the end, tables take a fraction of the time."""
    tables = {"tables": list(_FILLED)}
    kept: list[str] = []
    for row in (await session.execute(text(_INDEXES), tables)).all():
        kept.append(row[1])
        await session.execute(text(f"DROP INDEX {row.name}"))
    for row in (await session.execute(text(_CONSTRAINTS), tables)).all():
        kept.append(f"ALTER TABLE {row.at} ADD CONSTRAINT {row.name} {row[2]}")
        await session.execute(text(f"ALTER TABLE {row.at} DROP CONSTRAINT {row.name}"))
    for position, statement in enumerate(reversed(kept)):
        await session.execute(
            text("INSERT INTO recovery_definition VALUES (:position, :statement)"),
            {"position": position, "statement": statement},
        )
