"""What the janitor brings to `reprise fsck`: orders against objects, its outbox, its consumers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import Field

from common.events.topics import JANITOR, PURGES
from common.fsck import Check, Contribution, Finding, Scope, Statement
from common.postgres.engine import Database
from common.postgres.streams import open_for_reading, rows
from common.relay.outbox_checks import outbox_checks, told
from common.settings.groups import Group, KafkaSettings
from common.settings.reading import read
from common.settings.value_types import PostgresUrl
from common.subscriber.consumer_checks import consumer_checks

GROUPS = ("janitor.uploads", "janitor.assets", "janitor.renditions")

_ORDERS = """
SELECT purge.asset_id, purge.id, 'no job carries it out' AS why FROM purge
WHERE finished_at IS NULL AND ordered_at < clock_timestamp() - CAST(:age AS interval)
  AND NOT EXISTS (SELECT FROM job WHERE job.id = purge.id AND job.state IN ('waiting', 'running'))
UNION ALL
SELECT purge.asset_id, purge.id, 'finished, and an object of it is not purged' FROM purge
WHERE finished_at IS NOT NULL AND EXISTS (
    SELECT FROM stored_object WHERE key = ANY(purge.keys) AND state <> 'purged')
"""
_RISEN = """
SELECT stored_object.asset_id, count(*) AS objects FROM stored_object JOIN asset USING (asset_id)
WHERE asset.dead_since IS NOT NULL AND stored_object.state = 'living'
GROUP BY stored_object.asset_id
"""
# what waits in the parking is told by its own check, and is not lost
_TAKEN = """
SELECT cause_event_id AS event_id FROM purge UNION SELECT event_id FROM parked ORDER BY event_id
"""


class JanitorDatabase(Group):
    """Where the janitor's schema is."""

    url: PostgresUrl = Field(
        validation_alias="REPRISE_POSTGRES_URL_JANITOR",
        description="The janitor's REPRISE_POSTGRES_URL.",
    )


@dataclass(frozen=True, slots=True)
class FsckSettings:
    """What the janitor's checks read."""

    kafka: KafkaSettings
    postgres: JanitorDatabase


@asynccontextmanager
async def contribution() -> AsyncIterator[Contribution]:
    """Open while the run lasts."""
    settings = read(FsckSettings)
    async with open_for_reading(settings.postgres.url, "janitor") as database:
        yield Contribution(
            JANITOR,
            (
                _orders(database),
                _dead(database),
                *outbox_checks(database, settings.kafka, JANITOR),
                *consumer_checks(database, settings.kafka, JANITOR, GROUPS),
            ),
            {
                "janitor.told": told(database, PURGES),
                "janitor.taken": lambda scope: _taken(database, scope),
            },
        )


def _orders(database: Database) -> Check:
    async def run(scope: Scope) -> AsyncIterator[Finding]:
        async for row in rows(database, _ORDERS, age=scope.age):
            scope.step()
            yield Finding(str(row.asset_id), f"purge {row.id}: {row.why}")

    meaning = "each order to delete is carried out, once, and its objects say so"
    return Check("janitor.orders", "I7", meaning, run)


def _dead(database: Database) -> Check:
    async def run(scope: Scope) -> AsyncIterator[Finding]:
        async for row in rows(database, _RISEN):
            scope.step()
            yield Finding(str(row.asset_id), f"dead, and {row.objects} of its objects live")

    return Check("janitor.dead", "I5", "what a fact has ended stays ended", run)


async def _taken(database: Database, _scope: Scope) -> AsyncIterator[Statement]:
    async for row in rows(database, _TAKEN):
        yield Statement(str(row.event_id), "taken")
