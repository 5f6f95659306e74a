"""Tables beside the ledger's own, in the same schema: made, filled in batches, dropped."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from common.errors import Conflict
from common.postgres.engine import Database, WriteSession
from janitor.domain.folding import Fold

TABLES = ("asset", "stored_object", "purge")
STALE = "the log is not the one this rebuild began with: begin anew with --restart"

_MAKE = (
    "CREATE TABLE rebuilt_asset (LIKE asset INCLUDING ALL)",
    "CREATE TABLE rebuilt_stored_object (LIKE stored_object INCLUDING ALL,"
    " CONSTRAINT stored_object_asset_id_fkey FOREIGN KEY (asset_id) REFERENCES rebuilt_asset)",
    "CREATE TABLE rebuilt_purge (LIKE purge INCLUDING ALL,"
    " CONSTRAINT purge_asset_id_fkey FOREIGN KEY (asset_id) REFERENCES rebuilt_asset)",
    # what our own facts closed, which may be read before the order itself
    "CREATE TABLE rebuilt_closed (cause_event_id uuid PRIMARY KEY, at timestamptz NOT NULL)",
    "CREATE TABLE rebuilt_progress (topic text, number integer, next_offset bigint NOT NULL,"
    " PRIMARY KEY (topic, number))",
    # positions mean nothing in another log
    "CREATE TABLE rebuilt_log (epoch text NOT NULL)",
)
_DROP = (
    "DROP TABLE IF EXISTS rebuilt_log, rebuilt_stored_object, rebuilt_purge, rebuilt_closed,"
    " rebuilt_progress",
    "DROP TABLE IF EXISTS rebuilt_asset",
)
DROP_PREVIOUS = "DROP TABLE IF EXISTS previous_stored_object, previous_purge, previous_asset"
_OWN_UNTOLD = (
    "SELECT key, headers, payload FROM outbox"
    " WHERE published_at IS NULL AND topic = :topic ORDER BY position"
)
_EXIST = "SELECT to_regclass('rebuilt_log') IS NOT NULL"
_LOG = "SELECT epoch FROM rebuilt_log"
_NAME_LOG = text("INSERT INTO rebuilt_log VALUES (:epoch)")
# a migration may have come between two runs
_ALIKE = text("""
WITH place AS (SELECT table_name, column_name, data_type, is_nullable, column_default
               FROM information_schema.columns WHERE table_schema = current_schema()),
     live AS (SELECT * FROM place WHERE table_name = ANY(:tables)),
     mine AS (SELECT substr(table_name, 9), column_name, data_type, is_nullable, column_default
              FROM place WHERE table_name = ANY(:shadows))
SELECT NOT EXISTS (TABLE live EXCEPT TABLE mine) AND NOT EXISTS (TABLE mine EXCEPT TABLE live)
""")
_REACHED = "SELECT topic, number, next_offset FROM rebuilt_progress"
_REACH = text(
    "INSERT INTO rebuilt_progress VALUES (:topic, :number, :next_offset)"
    " ON CONFLICT (topic, number) DO UPDATE SET next_offset = excluded.next_offset"
)
_ASSETS = text(
    "INSERT INTO rebuilt_asset (asset_id)"
    " SELECT unnest(CAST(:ids AS uuid[])) ON CONFLICT DO NOTHING"
)
_SEQUENCES = text(
    "UPDATE rebuilt_asset SET sequence = greatest(rebuilt_asset.sequence, told.sequence)"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS bigint[])) AS told (asset_id, sequence)"
    " WHERE rebuilt_asset.asset_id = told.asset_id"
)
_DECLARED = text(
    "INSERT INTO rebuilt_stored_object"
    " (key, asset_id, state, declared_by, declared_event_id, first_seen)"
    " SELECT DISTINCT ON (key) key, asset_id, 'living', declared_by, event_id, at"
    " FROM unnest(CAST(:keys AS text[]), CAST(:assets AS uuid[]), CAST(:by AS text[]),"
    " CAST(:events AS uuid[]), CAST(:at AS timestamptz[]))"
    " AS declared (key, asset_id, declared_by, event_id, at) ORDER BY key, at"
    " ON CONFLICT (key) DO UPDATE SET declared_by = excluded.declared_by,"
    " declared_event_id = excluded.declared_event_id, first_seen = excluded.first_seen"
    " WHERE rebuilt_stored_object.declared_by IS NULL"
    " OR rebuilt_stored_object.first_seen > excluded.first_seen"
)
_ORDERED = text(
    "INSERT INTO rebuilt_purge (id, asset_id, upload_id, scope, reason, keys, cause_event_id,"
    " cause_type, cause_source, correlation_id, traceparent, ordered_at)"
    " VALUES (:id, :asset_id, :upload_id, :scope, :reason, CAST(:keys AS text[]), :cause,"
    " :cause_type, :cause_source, :correlation_id, :traceparent, :at) ON CONFLICT (id) DO NOTHING"
)
_DELETED = text(
    "INSERT INTO rebuilt_stored_object (key, asset_id, state, reason, cause_event_id,"
    " first_seen, condemned_at, purged_at)"
    " SELECT DISTINCT ON (key) key, asset_id, 'purged', reason, cause, at, at, at"
    " FROM unnest(CAST(:keys AS text[]), CAST(:assets AS uuid[]), CAST(:reasons AS text[]),"
    " CAST(:causes AS uuid[]), CAST(:at AS timestamptz[]))"
    " AS deleted (key, asset_id, reason, cause, at) ORDER BY key, at"
    " ON CONFLICT (key) DO UPDATE SET state = 'purged', reason = excluded.reason,"
    " cause_event_id = excluded.cause_event_id, purged_at = excluded.purged_at,"
    " condemned_at = coalesce(rebuilt_stored_object.condemned_at, excluded.condemned_at)"
    " WHERE rebuilt_stored_object.state <> 'purged'"
)
_CLOSED = text(
    "INSERT INTO rebuilt_closed"
    " SELECT unnest(CAST(:causes AS uuid[])), unnest(CAST(:at AS timestamptz[]))"
    " ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Untold:
    """A row of the outbox, in the form of a record."""

    key: bytes
    headers: list[tuple[str, bytes]]
    value: bytes | None


@dataclass(frozen=True, slots=True)
class ShadowTables:
    """Tables that nobody reads but the rebuild: a batch and its positions are one transaction."""

    database: Database

    async def begin(self, epoch: str, *, anew: bool) -> bool:
        """Make them; True when they are left from a run that was cut off, and go on.

        Raises Conflict when that run read another log than the one of this epoch.
        """
        async with self.database.write() as session:
            if not anew and await _usable(session):
                await _expect(session, epoch)
                return True
            for statement in (*_DROP, *_MAKE):
                await session.execute(text(statement))
            await session.execute(_NAME_LOG, {"epoch": epoch})
        return False

    async def drop(self, *, previous: bool) -> None:
        """Away with them; also with the tables before the last swap, if told so."""
        async with self.database.write() as session:
            for statement in (*_DROP, *((DROP_PREVIOUS,) if previous else ())):
                await session.execute(text(statement))

    async def reached(self) -> dict[tuple[str, int], int]:
        """The positions of the last batch that was committed."""
        async with self.database.read() as session:
            rows = await session.execute(text(_REACHED))
            return {(row.topic, row.number): row.next_offset for row in rows}

    async def apply(self, fold: Fold, positions: Mapping[tuple[str, int], int]) -> None:
        """One batch."""
        async with self.database.write() as session:
            await write_fold(session, fold)
            places = [
                {"topic": topic, "number": number, "next_offset": offset}
                for (topic, number), offset in positions.items()
            ]
            if places:
                await session.execute(_REACH, places)


async def _usable(session: WriteSession) -> bool:
    """Whether tables are left, and are made as those of the ledger are today."""
    if not await session.scalar(text(_EXIST)):
        return False
    names = {"tables": list(TABLES), "shadows": [f"rebuilt_{table}" for table in TABLES]}
    return bool(await session.scalar(_ALIKE, names))


async def _expect(session: WriteSession, epoch: str) -> None:
    if await session.scalar(text(_LOG)) != epoch:
        raise Conflict(STALE, code="rebuild_stale")


async def untold(session: WriteSession, topic: str) -> list[Untold]:
    """Facts of our own that are committed and not in Kafka yet."""
    rows = await session.execute(text(_OWN_UNTOLD), {"topic": topic})
    return [
        Untold(
            row.key.encode(),
            [(name, value.encode()) for name, value in row.headers.items()],
            row.payload,
        )
        for row in rows
    ]


async def write_fold(session: WriteSession, fold: Fold) -> None:
    """Rows of a fold; in any order of folds the settled tables are the same."""
    assets: list[UUID] = sorted(fold.assets())
    if assets:
        await session.execute(_ASSETS, {"ids": assets})
    if fold.sequences:
        numbers = {"ids": list(fold.sequences), "numbers": list(fold.sequences.values())}
        await session.execute(_SEQUENCES, numbers)
    if fold.declared:
        await session.execute(_DECLARED, _declarations(fold))
    if fold.ordered:
        await session.execute(_ORDERED, _orders(fold))
    if fold.deleted:
        await session.execute(_DELETED, _deletions(fold))
    if fold.closed:
        closings = {"causes": [c.cause for c in fold.closed], "at": [c.at for c in fold.closed]}
        await session.execute(_CLOSED, closings)


def _declarations(fold: Fold) -> dict[str, list[object]]:
    return {
        "keys": [declaration.key for declaration, _ in fold.declared],
        "assets": [declaration.asset_id for declaration, _ in fold.declared],
        "by": [declaration.declared_by for declaration, _ in fold.declared],
        "events": [declaration.event_id for declaration, _ in fold.declared],
        "at": [at for _, at in fold.declared],
    }


def _orders(fold: Fold) -> list[dict[str, object]]:
    return [
        {
            "id": order.id,
            "asset_id": order.asset_id,
            "upload_id": order.upload_id,
            "scope": order.scope.value,
            "reason": order.reason,
            "keys": list(order.keys),
            "cause": order.cause.event_id,
            "cause_type": order.cause.type,
            "cause_source": order.cause.source,
            "correlation_id": order.cause.correlation_id,
            "traceparent": order.cause.traceparent,
            "at": at,
        }
        for order, at in fold.ordered
    ]


def _deletions(fold: Fold) -> dict[str, list[object]]:
    return {
        "keys": [deleted.key for deleted in fold.deleted],
        "assets": [deleted.asset_id for deleted in fold.deleted],
        "reasons": [deleted.reason for deleted in fold.deleted],
        "causes": [deleted.cause for deleted in fold.deleted],
        "at": [deleted.at for deleted in fold.deleted],
    }
