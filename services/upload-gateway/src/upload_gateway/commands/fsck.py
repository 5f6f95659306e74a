"""What the gateway brings to `reprise fsck`: its ledger, its outbox, its consumers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import Field

from common.events import UploadAborted, UploadExpired, UploadRejected
from common.events.topics import UPLOAD_GATEWAY, UPLOADS
from common.fsck import Check, Contribution, Finding, Scope, Statement
from common.postgres.engine import Database
from common.postgres.streams import open_for_reading, rows
from common.relay.outbox_checks import event_ids, outbox_checks, told
from common.settings.groups import Group, KafkaSettings
from common.settings.reading import read
from common.settings.value_types import PostgresUrl
from common.subscriber.consumer_checks import consumer_checks

GROUPS = ("upload-gateway.assets", "upload-gateway.renditions", "upload-gateway.purges")
ENDINGS = (UploadRejected.TYPE, UploadAborted.TYPE, UploadExpired.TYPE)

# an upload that is verified has a job until it is stored or rejected; its pieces wait for that
_OPEN = """
SELECT asset_id, state FROM upload
WHERE ((state IN ('created', 'receiving') OR (state = 'verifying' AND concat = 'partial'
           AND NOT EXISTS (SELECT FROM upload AS final
                           WHERE final.id = upload.final_id AND final.state = 'verifying')))
       AND expires_at < clock_timestamp() - CAST(:age AS interval))
   OR (state = 'verifying' AND concat <> 'partial' AND NOT EXISTS (
       SELECT FROM job WHERE job.subject = upload.id AND job.state IN ('waiting', 'running')))
ORDER BY asset_id
"""
_UPLOADS = """
SELECT asset_id::text COLLATE "C" AS asset_id,
       CASE WHEN coalesce(ended_at, stored_at, created_at)
                 < clock_timestamp() - CAST(:age AS interval)
            THEN state ELSE 'recent' END AS said
FROM upload WHERE concat <> 'partial' ORDER BY 1
"""


class GatewayDatabase(Group):
    """Where the gateway's schema is."""

    url: PostgresUrl = Field(
        validation_alias="REPRISE_POSTGRES_URL_UPLOAD_GATEWAY",
        description="The upload-gateway's REPRISE_POSTGRES_URL.",
    )


@dataclass(frozen=True, slots=True)
class FsckSettings:
    """What the gateway's checks read."""

    kafka: KafkaSettings
    postgres: GatewayDatabase


@asynccontextmanager
async def contribution() -> AsyncIterator[Contribution]:
    """Open while the run lasts."""
    settings = read(FsckSettings)
    async with open_for_reading(settings.postgres.url, "upload_gateway") as database:
        yield Contribution(
            UPLOAD_GATEWAY,
            (
                open_uploads(database),
                *outbox_checks(database, settings.kafka, UPLOAD_GATEWAY),
                *consumer_checks(database, settings.kafka, UPLOAD_GATEWAY, GROUPS),
            ),
            {
                "upload-gateway.uploads": lambda scope: _uploads(database, scope),
                "upload-gateway.told": told(database, UPLOADS),
                "upload-gateway.orders": event_ids(database, ENDINGS),
            },
        )


def open_uploads(database: Database) -> Check:
    """Those that wait for nothing any more, and have not ended."""

    async def run(scope: Scope) -> AsyncIterator[Finding]:
        async for row in rows(database, _OPEN, age=scope.age):
            scope.step()
            yield Finding(str(row.asset_id), f"the upload is still {row.state}")

    meaning = "every upload that was begun is stored, or has ended"
    return Check("upload-gateway.open", "I1", meaning, run)


async def _uploads(database: Database, scope: Scope) -> AsyncIterator[Statement]:
    async for row in rows(database, _UPLOADS, age=scope.age):
        yield Statement(row.asset_id, row.said)
