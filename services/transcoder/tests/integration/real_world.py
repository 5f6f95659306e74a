"""The transcoder on a real database and store, without Kafka.

Events are handed to its consumers.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from services.transcoder.tests.memory import a_request, an_envelope
from sqlalchemy import text

from common.clock import SystemClock
from common.events import EVENT_TYPES, Event, ProcessingRequested, Received
from common.events.v1.uploads import MediaKind
from common.ids import new_event_id
from common.jobs.queue import JobQueue
from common.jobs.worker import Worker
from common.postgres.engine import Database, open_engine
from common.s3.objects import ObjectStore
from common.settings.groups import PostgresSettings, S3Settings
from common.telemetry.metrics import Metrics
from common.testing.buckets import open_bucket, store_settings
from common.testing.postgres import service_database
from common.testing.waiting import eventually
from transcoder.adapters.postgres_ledger import PostgresLedger
from transcoder.adapters.s3_media import S3Media
from transcoder.adapters.sandbox_levels import open_sandbox
from transcoder.adapters.scratch import open_scratch
from transcoder.bootstrap import build_handlers
from transcoder.consumers.assets import asset_handlers
from transcoder.consumers.dispatch import dispatch
from transcoder.consumers.purges import purge_handlers
from transcoder.domain.claim import PROBE, STEP
from transcoder.settings import WorkSettings
from transcoder.usecases.forget_details import ForgetDetails
from transcoder.usecases.request_processing import RequestProcessing
from transcoder.usecases.resume_processing import ResumeProcessing
from transcoder.usecases.stop_processing import StopProcessing
from transcoder.workers.jobs import JobHandlers

SCHEMA = "transcoder"


@dataclass(frozen=True)
class RealWorld:
    """One database, one bucket, and the parts that a process would have."""

    url: str
    s3: S3Settings
    database: Database
    queue: JobQueue
    store: ObjectStore
    handlers: JobHandlers
    metrics: Metrics
    scratch: Path

    async def uploaded(
        self, file: Path, *, kind: MediaKind, content_type: str
    ) -> ProcessingRequested:
        """Put the file where the gateway would have put it; what the catalog would then ask for."""
        data = await asyncio.to_thread(file.read_bytes)
        sha256 = hashlib.sha256(data).hexdigest()
        request = a_request(kind=kind, content_type=content_type, size=len(data), sha256=sha256)
        await self.store.put(request.key, data, content_type=content_type)
        return request

    async def heard(self, event: Event, times: int = 1) -> None:
        """Deliver one event of the assets or purges topic, the same one `times` times."""
        ledger = PostgresLedger(self.database, self.queue, SystemClock())
        table = asset_handlers(
            RequestProcessing(ledger), StopProcessing(ledger), ResumeProcessing(ledger)
        ) | purge_handlers(ForgetDetails(ledger))
        received = Received(an_envelope(), "key", event)
        for _ in range(times):
            await dispatch(table)(received)

    async def work(self, kinds: Sequence[str] = (PROBE, STEP)) -> None:
        """Run workers until no job of these kinds waits or runs."""

        async def idle() -> bool:
            return await self.open_jobs(kinds) == 0

        stop = asyncio.Event()
        table = {PROBE: self.handlers.run_probe, STEP: self.handlers.run_step}
        async with asyncio.TaskGroup() as group:
            for kind in kinds:
                worker = Worker(
                    self.queue,
                    [kind],
                    table[kind],
                    concurrency=2,
                    wake=self.database.wake("job"),
                    metrics=self.metrics,
                    on_dead=self.handlers.on_dead,
                    poll=0.05,
                )
                group.create_task(worker.loop(stop))
            await eventually(idle, timeout=60)
            stop.set()

    async def open_jobs(self, kinds: Sequence[str]) -> int:
        rows = await self.rows(
            "SELECT 1 FROM job WHERE state IN ('waiting', 'running') AND kind = ANY(:kinds)",
            kinds=list(kinds),
        )
        return len(rows)

    async def rows(self, sql: str, **values: object) -> list[dict[str, Any]]:
        async with self.database.read() as session:
            return [dict(row) for row in (await session.execute(text(sql), values)).mappings()]

    async def facts(self) -> list[Any]:
        """What was appended to the outbox, in order."""
        rows = await self.rows("SELECT type, payload FROM outbox ORDER BY position")
        return [EVENT_TYPES[row["type"]].model_validate_json(row["payload"]) for row in rows]

    async def told(self) -> list[str]:
        return [type(fact).__name__ for fact in await self.facts()]

    async def keys(self, asset_id: object) -> list[str]:
        """Every object of an asset."""
        return [item.key async for item in self.store.list(f"u/{asset_id}/")]

    def count(self, name: str, **labels: str) -> float:
        """A counter of this process."""
        return self.metrics.registry.get_sample_value(f"media_transcoder_{name}", labels) or 0.0


@asynccontextmanager
async def open_world(env: dict[str, str], folder: Path) -> AsyncIterator[RealWorld]:
    """A database and a bucket of the test's own on the running servers."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(
            service_database(env["REPRISE_POSTGRES_ADMIN_URL"], SCHEMA)
        )
        database = await stack.enter_async_context(
            open_engine(PostgresSettings(url=SecretStr(url)), schema=SCHEMA)
        )
        s3 = store_settings(env, f"test-{new_event_id().hex}")
        store = await stack.enter_async_context(open_bucket(s3))
        metrics = Metrics("transcoder")
        sandbox, _ = await open_sandbox("bwrap", "ffmpeg")
        scratch = stack.enter_context(open_scratch(folder / "scratch", limit=2**30))
        queue = JobQueue(database, lease=timedelta(seconds=4))
        handlers = build_handlers(
            WorkSettings(),
            PostgresLedger(database, queue, SystemClock()),
            sandbox,
            scratch,
            S3Media(store),
            SystemClock(),
            metrics,
        )
        yield RealWorld(url, s3, database, queue, store, handlers, metrics, folder / "scratch")
