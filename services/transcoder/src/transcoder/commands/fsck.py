"""What the transcoder brings to `reprise fsck`: jobs against plans, its inbox, its outbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import Field

from common.events.topics import RENDITIONS, TRANSCODER
from common.fsck import Check, Contribution, Finding, Scope, Statement
from common.postgres.engine import Database
from common.postgres.streams import open_for_reading, rows
from common.relay.outbox_checks import outbox_checks, told
from common.settings.groups import Group, KafkaSettings
from common.settings.reading import read
from common.settings.value_types import PostgresUrl
from common.subscriber.consumer_checks import consumer_checks

GROUPS = ("transcoder.assets", "transcoder.purges")

# a step's jobs: cancelled ones were stopped by a delete, the one that counts came after
_STEPS = """
WITH step AS (
    SELECT asset_id, run, state, jsonb_array_elements(steps) ->> 0 AS name FROM processing
), tally AS (
    SELECT step.asset_id, step.name, step.state,
           count(job.id) AS jobs,
           count(job.id) FILTER (WHERE job.state IN ('done', 'dead')) AS ended
    FROM step LEFT JOIN job ON job.subject = step.asset_id AND job.state <> 'cancelled'
        AND job.payload ->> 'run' = step.run::text AND job.payload ->> 'rendition' = step.name
    GROUP BY step.asset_id, step.name, step.state
)
SELECT asset_id, name, jobs, ended FROM tally
WHERE jobs > 1 OR (state = 'ended' AND ended <> 1) OR (state = 'running' AND jobs = 0)
ORDER BY asset_id, name
"""
_STUCK = """
SELECT subject, state FROM job
WHERE state = 'running' AND due_at < clock_timestamp() - CAST(:age AS interval)
   OR state = 'waiting' AND due_at < clock_timestamp() - CAST(:age AS interval)
      AND NOT EXISTS (SELECT FROM job AS other WHERE other.state = 'running'
                      AND other.due_at >= clock_timestamp() - CAST(:age AS interval))
ORDER BY subject
"""
_WORK = """
SELECT asset_id::text COLLATE "C" AS asset_id FROM processing
WHERE requested_at > clock_timestamp() - CAST(:age AS interval)
   OR EXISTS (SELECT FROM job WHERE job.subject = asset_id AND (
        job.state IN ('waiting', 'running')
        OR job.ended_at > clock_timestamp() - CAST(:age AS interval)))
ORDER BY 1
"""
# what waits in the parking is told by its own check, and is not lost
_INBOX = "SELECT event_id FROM inbox UNION SELECT event_id FROM parked ORDER BY event_id"


class TranscoderDatabase(Group):
    """Where the transcoder's schema is."""

    url: PostgresUrl = Field(
        validation_alias="REPRISE_POSTGRES_URL_TRANSCODER",
        description="The transcoder's REPRISE_POSTGRES_URL.",
    )


@dataclass(frozen=True, slots=True)
class FsckSettings:
    """What the transcoder's checks read."""

    kafka: KafkaSettings
    postgres: TranscoderDatabase


@asynccontextmanager
async def contribution() -> AsyncIterator[Contribution]:
    """Open while the run lasts."""
    settings = read(FsckSettings)
    async with open_for_reading(settings.postgres.url, "transcoder") as database:
        yield Contribution(
            TRANSCODER,
            (
                _steps(database),
                _jobs(database),
                *outbox_checks(database, settings.kafka, TRANSCODER),
                *consumer_checks(database, settings.kafka, TRANSCODER, GROUPS),
            ),
            {
                "transcoder.work": lambda scope: _work(database, scope),
                "transcoder.told": told(database, RENDITIONS),
                "transcoder.inbox": lambda scope: _inbox(database, scope),
            },
        )


def _steps(database: Database) -> Check:
    async def run(scope: Scope) -> AsyncIterator[Finding]:
        async for row in rows(database, _STEPS):
            scope.step()
            yield Finding(str(row.asset_id), f"{row.name}: {row.jobs} jobs, {row.ended} ended")

    meaning = "each planned step has one job, and it ended when its run did"
    return Check("transcoder.steps", "I7", meaning, run)


def _jobs(database: Database) -> Check:
    async def run(scope: Scope) -> AsyncIterator[Finding]:
        async for row in rows(database, _STUCK, age=scope.age):
            scope.step()
            yield Finding(str(row.subject), f"its job is {row.state}, and no worker holds it")

    return Check("transcoder.jobs", "I1", "somebody works on what is due", run)


async def _work(database: Database, scope: Scope) -> AsyncIterator[Statement]:
    async for row in rows(database, _WORK, age=scope.age):
        yield Statement(row.asset_id, "at work")


async def _inbox(database: Database, _scope: Scope) -> AsyncIterator[Statement]:
    async for row in rows(database, _INBOX):
        yield Statement(str(row.event_id), "seen")
