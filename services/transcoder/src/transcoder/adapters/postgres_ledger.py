"""The ledger on Postgres: one transaction holds the asset's row, its jobs and its facts."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID

from sqlalchemy import text

from common.clock import Clock
from common.events import MediaDetails, new_message
from common.events.topics import TRANSCODER
from common.events.v1.renditions import RunFact
from common.ids import AssetId, event_id_for, job_id
from common.jobs.job import Job
from common.jobs.queue import JobQueue
from common.postgres import inbox, outbox
from common.postgres.engine import Database, WriteSession
from transcoder.adapters.details_record import details_record
from transcoder.adapters.processing_row import to_processing, to_row
from transcoder.domain.claim import PROBE, STEP, Claim
from transcoder.domain.life import Life, Word
from transcoder.domain.processing import Processing

_LOCK = text("SELECT * FROM processing WHERE asset_id = :asset_id FOR UPDATE")
# the update changes nothing and locks the row, which every asset heard of has
_LIFE = text(
    "INSERT INTO asset_life (asset_id) VALUES (:asset_id) ON CONFLICT (asset_id) DO UPDATE"
    " SET asset_id = excluded.asset_id RETURNING word, sequence"
)
_KEEP_LIFE = text(
    "UPDATE asset_life SET word = :word, sequence = :sequence WHERE asset_id = :asset_id"
)
_COLUMNS = (
    *("asset_id", "run", "state", "kind", "key", "size", "sha256", "content_type"),
    *("info", "steps", "stops", "sequence", "details_sequence", "cause"),
)
_SAVE = text(
    f"INSERT INTO processing ({', '.join(_COLUMNS)}) VALUES (:{', :'.join(_COLUMNS)})"  # noqa: S608 (our own names)
    " ON CONFLICT (asset_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
)
_KEEP_DETAILS = text(
    "UPDATE processing SET details = CAST(:details AS jsonb) WHERE asset_id = :asset_id"
)
_CONSUMER = "transcoder"


@dataclass(frozen=True, slots=True)
class PostgresLedger:
    """Makes transactions; `queue` is the job table of the same schema."""

    database: Database
    queue: JobQueue
    clock: Clock

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["PostgresTransaction"]:
        async with self.database.write() as session:
            yield PostgresTransaction(session, self.queue, self.clock)


@dataclass(frozen=True, slots=True)
class PostgresTransaction:
    """The port's methods on one session."""

    session: WriteSession
    queue: JobQueue
    clock: Clock

    async def life(self, asset_id: AssetId) -> Life:
        row = (await self.session.execute(_LIFE, {"asset_id": asset_id})).one()
        return Life(Word(row.word), row.sequence)

    async def keep_life(self, asset_id: AssetId, life: Life) -> None:
        values = {"asset_id": asset_id, "word": life.word.value, "sequence": life.sequence}
        await self.session.execute(_KEEP_LIFE, values)

    async def lock(self, asset_id: AssetId) -> Processing | None:
        result = await self.session.execute(_LOCK, {"asset_id": asset_id})
        row = result.mappings().one_or_none()
        return to_processing(cast("Mapping[str, Any]", row)) if row else None

    async def save(self, processing: Processing) -> None:
        await self.session.execute(_SAVE, to_row(processing))

    async def first_time(self, event_id: UUID) -> bool:
        return await inbox.first_time(self.session, _CONSUMER, event_id)

    async def publish(self, processing: Processing, fact: RunFact) -> Processing:
        sequence = processing.sequence + 1
        message = new_message(
            fact,
            source=TRANSCODER,
            key=str(processing.asset_id),
            sequence=sequence,
            clock=self.clock,
            event_id=event_id_for(fact.TYPE, fact.run, getattr(fact, "rendition", "")),
            cause=processing.cause,
        )
        await outbox.append(self.session, message)
        return replace(processing, sequence=sequence)

    async def describe(self, processing: Processing, details: MediaDetails | None) -> Processing:
        described = replace(processing, details_sequence=processing.details_sequence + 1)
        kept = {
            "asset_id": processing.asset_id,
            "details": details.model_dump_json() if details else None,
        }
        await self.session.execute(_KEEP_DETAILS, kept)
        await outbox.append(self.session, details_record(described, details, self.clock))
        return described

    async def enqueue(self, processing: Processing, renditions: Sequence[str | None]) -> None:
        for rendition in renditions:
            await self.queue.enqueue(
                self.session,
                id=_job_id(processing, rendition),
                kind=PROBE if rendition is None else STEP,
                subject=processing.asset_id,
                payload={"run": str(processing.run), "rendition": rendition},
                traceparent=processing.cause.traceparent,
            )

    async def cancel(self, asset_id: AssetId) -> None:
        await self.queue.cancel(self.session, subject=asset_id)

    async def complete(self, claim: Claim) -> None:
        await self.queue.complete(self.session, _job_of(claim))

    async def bury(self, claim: Claim, reason: str) -> None:
        await self.queue.fail(_job_of(claim), reason, retry=False, session=self.session)


def _job_id(processing: Processing, rendition: str | None) -> UUID:
    step = rendition or PROBE
    # a run that was stopped and resumed needs new rows: the cancelled ones keep their ids
    name = f"{step}+{processing.stops}" if processing.stops else step
    return job_id(processing.asset_id, processing.run, name)


def _job_of(claim: Claim) -> Job:
    if not isinstance(claim.lease, Job):
        raise TypeError("this claim was made by another queue")
    return claim.lease
