"""Nobody but recovery writes to the schema: proven before, and held while it lasts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from sqlalchemy import text

from catalog.recovery.adapters.postgres_rebuilding import unfinished
from common.errors import Conflict, Unavailable
from common.events.topics import CATALOG, CONSUMERS
from common.postgres.engine import Database
from common.postgres.leader import LeaderConnection
from common.settings.groups import KafkaSettings
from common.subscriber.groups import describe_groups
from common.task_group import task_group

GROUPS = tuple(group for group in CONSUMERS if group.startswith(f"{CATALOG}."))
RECOVERY = "recovery"  # the purpose of recovery's own sessions
PATIENCE = 5.0  # seconds for the connections of a recovery that was just killed to go
PING = 5.0  # seconds; the server ends a leader's session that is idle for 15
TIMEOUT = 15.0  # seconds

_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = ANY(CAST(:names AS text[]))
    AND pid <> pg_backend_pid()
"""
_ROWS = " UNION ALL ".join(
    f"(SELECT '{table}' AS found FROM {table} LIMIT 1)"  # noqa: S608 (our own names)
    for table in ("asset", "names", "library", "outbox", "outbox_head")
)


@dataclass(frozen=True, slots=True)
class SoleWriter:
    """Holds the lock of the catalog's relay, so that no relay of it can lead meanwhile."""

    url: str
    schema: str
    kafka: KafkaSettings

    @asynccontextmanager
    async def alone(self, database: Database) -> AsyncIterator[None]:
        """Raises Conflict (`catalog_running`) while any part of the catalog runs.

        `database` has sessions for the purpose RECOVERY, of which none may be open yet: one that
        was killed may write for a moment more.
        """
        await self._refuse_members()
        leader = LeaderConnection(self.url, self.schema, purpose="relay")
        await _lead(leader)
        try:
            await self._refuse_sessions(database, "", f"-{RECOVERY}")
            async with task_group() as group:
                keeping = group.create_task(_keep(leader))
                yield
                keeping.cancel()
        finally:
            await leader.resign()

    async def _refuse_members(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        try:
            async with asyncio.timeout(TIMEOUT):
                await admin.start()
                reading = await _reading(admin)
        except (KafkaError, OSError, TimeoutError) as error:
            raise Unavailable("Kafka does not answer", code="kafka_unavailable") from error
        finally:
            await admin.close()
        if reading:
            raise Conflict(
                f"the catalog is running: it reads as {', '.join(reading)}; one that was killed is"
                " a reader until REPRISE_KAFKA_SESSION_TIMEOUT seconds have passed",
                code="catalog_running",
            )

    async def refuse_again(self, database: Database) -> None:
        """To be called once the schema bears recovery's mark.

        Who came after the first look and before the mark saw neither this recovery nor its mark;
        whoever comes later sees the mark. Raises Conflict (`catalog_running`).
        """
        await self._refuse_members()
        await self._refuse_sessions(database, "")

    async def _refuse_sessions(self, database: Database, *purposes: str) -> None:
        names = {"names": [f"reprise-{self.schema}{purpose}" for purpose in purposes]}
        for _ in range(int(PATIENCE / 0.25)):
            async with database.read() as session:
                others = await session.scalar(text(_OTHERS), names)
            if not others:
                return
            await asyncio.sleep(0.25)
        raise Conflict("the catalog is running: it is connected", code="catalog_running")


async def refuse_bare(database: Database, schema: str) -> None:
    """Raises Conflict (`schema_missing`) when the catalog has no tables at all."""
    async with database.read() as session:
        found = await session.scalar(
            text("SELECT to_regclass(:name) IS NOT NULL"), {"name": f"{schema}.asset"}
        )
    if not found:
        raise Conflict(
            "the catalog has no tables: `reprise setup` makes them, `reprise recover catalog`"
            " fills them from the log",
            code="schema_missing",
        )


async def refuse_rows(database: Database) -> None:
    """Raises Conflict (`schema_not_empty`) unless the schema is empty, or half recovered."""
    if await unfinished(database):
        return
    async with database.read() as session:
        found = list(await session.scalars(text(_ROWS)))
    if found:
        raise Conflict(
            f"the catalog's schema is not empty: there are rows in {', '.join(found)}",
            code="schema_not_empty",
        )


async def _reading(admin: AIOKafkaAdminClient) -> list[str]:
    """The catalog's groups that have members, once the broker knows who coordinates groups."""
    while True:
        try:
            states = await describe_groups(admin, GROUPS)
        except Unavailable as error:
            # a broker on which nobody has read yet makes its table of groups at the first question
            if not isinstance(error.__cause__, GroupCoordinatorNotAvailableError):
                raise
            await asyncio.sleep(0.25)
            continue
        return sorted(name for name, state in states.items() if state.members)


async def _lead(leader: LeaderConnection) -> None:
    for _ in range(int(PATIENCE / 0.25)):
        if await leader.lead():
            return
        await asyncio.sleep(0.25)
    raise Conflict("the catalog is running: its relay leads", code="catalog_running")


async def _keep(leader: LeaderConnection) -> None:
    while True:
        await asyncio.sleep(PING)
        if not await leader.still_leader():
            raise Unavailable("the lock of the catalog's relay is lost", code="not_leader")
