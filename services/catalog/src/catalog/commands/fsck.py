"""What the catalog brings to `reprise fsck`: the library, outcomes, what it applied, its outbox."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import Field

from common.events import AssetPurgeDue, ObjectsPurgeDue, ProcessingRequested
from common.events.topics import (
    ASSETS,
    CATALOG,
    CATALOG_STATE,
    CONSUMERS,
    PURGES,
    RENDITIONS,
    UPLOADS,
)
from common.fsck import Check, Contribution, Finding, Scope, Statement
from common.postgres.engine import Database
from common.postgres.streams import open_for_reading, rows
from common.relay.outbox_checks import event_ids, outbox_checks, told
from common.settings.groups import Group, KafkaSettings
from common.settings.reading import read
from common.settings.value_types import PostgresUrl
from common.subscriber.consumer_checks import consumer_checks

GROUPS = tuple(name for name in CONSUMERS if name.startswith("catalog."))
INPUTS = {"uploads": UPLOADS, "renditions": RENDITIONS, "purges": PURGES}

_LIVING = "state IN ('stored', 'processing', 'ready', 'failed')"
_DOUBLES = f"""
SELECT user_id, count(*) AS assets, min(asset_id::text) AS subject FROM asset
WHERE {_LIVING} GROUP BY user_id, sha256 HAVING count(*) > 1
"""  # noqa: S608 (our own words)
_SHELVES = f"""
SELECT coalesce(living.asset_id, library.asset_id) AS subject, living.asset_id IS NULL AS dead
FROM (SELECT asset_id, user_id, sha256 FROM asset WHERE {_LIVING}) AS living
FULL JOIN library ON library.asset_id = living.asset_id
    AND library.user_id = living.user_id AND library.sha256 = living.sha256
WHERE living.asset_id IS NULL OR library.asset_id IS NULL
"""  # noqa: S608
_ASSETS = """
SELECT asset_id::text COLLATE "C" AS asset_id,
       CASE WHEN duplicate_of IS NOT NULL THEN 'duplicate' ELSE state END AS said
FROM asset ORDER BY 1
"""
# what waits in a parking is told by its own check, and is not lost
_APPLIED = """
SELECT asset_id::text COLLATE "C" AS asset_id, coalesce(applied ->> :topic, '0') AS said,
       EXISTS (SELECT FROM parked WHERE key = asset_id::text) AS waits
FROM asset ORDER BY 1
"""


class CatalogDatabase(Group):
    """Where the catalog's schema is."""

    url: PostgresUrl = Field(
        validation_alias="REPRISE_POSTGRES_URL_CATALOG",
        description="The catalog's REPRISE_POSTGRES_URL.",
    )


@dataclass(frozen=True, slots=True)
class FsckSettings:
    """What the catalog's checks read."""

    kafka: KafkaSettings
    postgres: CatalogDatabase


@asynccontextmanager
async def contribution() -> AsyncIterator[Contribution]:
    """Open while the run lasts."""
    settings = read(FsckSettings)
    async with open_for_reading(settings.postgres.url, "catalog") as database:
        applied = {
            f"catalog.applied-{name}": _applied(database, topic.name)
            for name, topic in INPUTS.items()
        }
        yield Contribution(
            CATALOG,
            (
                _library(database),
                *outbox_checks(database, settings.kafka, CATALOG),
                *consumer_checks(database, settings.kafka, CATALOG, GROUPS),
            ),
            {
                "catalog.assets": lambda scope: _assets(database, scope),
                "catalog.told": told(database, ASSETS),
                "catalog.state": told(database, CATALOG_STATE, keys="asset/%"),
                "catalog.requests": event_ids(database, [ProcessingRequested.TYPE]),
                "catalog.orders": event_ids(database, [AssetPurgeDue.TYPE, ObjectsPurgeDue.TYPE]),
                **applied,
            },
        )


def _library(database: Database) -> Check:
    async def run(scope: Scope) -> AsyncIterator[Finding]:
        async for row in rows(database, _DOUBLES):
            scope.step()
            yield Finding(row.subject, f"{row.assets} living assets of {row.user_id} are the same")
        async for row in rows(database, _SHELVES):
            scope.step()
            why = "in the library, and not living" if row.dead else "living, not in the library"
            yield Finding(str(row.subject), why)

    meaning = "one living asset per owner and digest, and the library is just these"
    return Check("catalog.library", "I4", meaning, run)


async def _assets(database: Database, _scope: Scope) -> AsyncIterator[Statement]:
    async for row in rows(database, _ASSETS):
        yield Statement(row.asset_id, row.said)


def _applied(database: Database, topic: str) -> Callable[[Scope], AsyncIterator[Statement]]:
    async def speak(_scope: Scope) -> AsyncIterator[Statement]:
        async for row in rows(database, _APPLIED, topic=topic):
            yield Statement(row.asset_id, "parked" if row.waits else row.said)

    return speak
