"""The composition root: adapters -> use cases -> ways in, as many as this process has roles."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from importlib.metadata import version

from fastapi import FastAPI

from common.clock import Clock, SystemClock
from common.events.topics import TRANSCODER
from common.jobs.queue import WAKE, JobQueue
from common.jobs.worker import Worker
from common.postgres.engine import open_engine
from common.relay.outbox import publish_outbox
from common.s3.calls import StoreCalls
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.subscriber.consume import Consumption, consume
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lag_metrics import export_lag
from common.telemetry.metrics import Metrics
from common.telemetry.telemetry import Telemetry
from common.web.app import build_app, describing_app
from common.web.health import Check
from common.web.loops import Loop
from common.web.server import ServiceProcess
from transcoder.adapters.ffprobe import Ffprobe
from transcoder.adapters.media_tools import MediaEncoder, MediaProber
from transcoder.adapters.metrics_tally import MetricsTally
from transcoder.adapters.pillow_images import PillowImages
from transcoder.adapters.postgres_ledger import PostgresLedger
from transcoder.adapters.s3_media import S3Media
from transcoder.adapters.sandbox import Sandbox, SandboxUnavailable
from transcoder.adapters.sandbox_levels import open_sandbox
from transcoder.adapters.scratch import ScratchSpace, open_scratch
from transcoder.consumers.assets import asset_handlers
from transcoder.consumers.dispatch import dispatch
from transcoder.consumers.purges import purge_handlers
from transcoder.domain.claim import PROBE, STEP
from transcoder.ports import Ledger
from transcoder.settings import TranscoderSettings, WorkSettings
from transcoder.usecases.forget_details import ForgetDetails
from transcoder.usecases.give_up import GiveUp
from transcoder.usecases.probe_media import ProbeMedia
from transcoder.usecases.request_processing import RequestProcessing
from transcoder.usecases.resume_processing import ResumeProcessing
from transcoder.usecases.run_step import RunStep
from transcoder.usecases.stop_processing import StopProcessing
from transcoder.workers.jobs import JobHandlers

_JOB_POLL = 0.2  # seconds until a job is seen that another process queued


@asynccontextmanager
async def bootstrap(
    settings: TranscoderSettings, telemetry: Telemetry
) -> AsyncIterator[ServiceProcess]:
    """Open what this process needs and close it in reverse. Nothing here waits for Kafka."""
    clock, roles, metrics = SystemClock(), settings.process.roles, telemetry.metrics
    facts: dict[str, object] = {"roles": sorted(roles)}
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_engine(settings.postgres, schema=TRANSCODER)
        )
        queue = JobQueue(database, lease=timedelta(seconds=settings.work.lease))
        ledger = PostgresLedger(database, queue, clock)
        checks = [Check("postgres", database.check)]
        loops: dict[str, Loop] = {}
        if "consumers" in roles:
            dead_letters = await stack.enter_async_context(DeadLetters(settings.kafka, TRANSCODER))
            consuming = _consumers(settings, ledger, dead_letters, metrics)
            loops |= consuming.loops
            checks += consuming.checks
        if "workers" in roles:
            sandbox, encoder = await _walls(settings.work, metrics)
            facts |= {"sandbox": sandbox.level, "ffmpeg": encoder}
            client = await stack.enter_async_context(open_s3(settings.s3))
            store = ObjectStore(client, settings.s3.bucket, calls=StoreCalls(metrics=metrics))
            checks.append(Check("storage", store.check, required=False))
            scratch = stack.enter_context(
                open_scratch(settings.work.scratch_dir, limit=settings.work.scratch_limit)
            )
            handlers = build_handlers(
                settings.work, ledger, sandbox, scratch, S3Media(store), clock, metrics
            )
            loops |= _workers(settings.work, queue, handlers, metrics)
        if "relay" in roles:
            loops["relay"] = publish_outbox(
                settings.kafka,
                settings.postgres,
                TRANSCODER,
                database,
                clock=clock,
                metrics=metrics,
                tracer=telemetry.tracer,
            )
            loops.setdefault("lag", export_lag(settings.kafka, TRANSCODER, metrics))
        app = build_app(
            service=TRANSCODER,
            version=version("reprise-transcoder"),
            routers=[],
            checks=checks,
            telemetry=telemetry,
            info=facts,
        )
        yield ServiceProcess(app, loops)


async def _walls(work: WorkSettings, metrics: Metrics) -> tuple[Sandbox, str]:
    """The sandbox, or the end of the process: hostile bytes are never parsed without one."""
    try:
        sandbox, encoder = await open_sandbox(work.sandbox, work.ffmpeg)
    except SandboxUnavailable as error:
        raise SystemExit(f"transcoder: no sandbox, not starting: {error}") from error
    gauge = metrics.gauge("sandbox_level", "1 for the sandbox level in force.", ["level"])
    gauge.labels(sandbox.level).set(1)
    return sandbox, encoder


def build_handlers(
    work: WorkSettings,
    ledger: Ledger,
    sandbox: Sandbox,
    scratch: ScratchSpace,
    media: S3Media,
    clock: Clock,
    metrics: Metrics,
) -> JobHandlers:
    """The use cases of the workers."""
    stills, tally = PillowImages(sandbox), MetricsTally(metrics)
    prober = MediaProber(Ffprobe(sandbox, work.ffprobe), stills)
    return JobHandlers(
        probe=ProbeMedia(ledger, scratch, media, prober, tally, work.pre_encode),
        step=RunStep(
            ledger=ledger,
            scratch=scratch,
            originals=media,
            prober=prober,
            encoder=MediaEncoder(sandbox, stills, work.ffmpeg),
            outputs=media,
            tally=tally,
            clock=clock,
        ),
        give_up=GiveUp(ledger),
    )


def _workers(
    work: WorkSettings, queue: JobQueue, handlers: JobHandlers, metrics: Metrics
) -> dict[str, Loop]:
    # two loops: a probe takes a moment and must not wait behind hours of video
    def worker(kind: str, concurrency: int) -> Loop:
        handler = handlers.run_probe if kind == PROBE else handlers.run_step
        return Worker(
            queue,
            [kind],
            handler,
            concurrency=concurrency,
            wake=queue.database.wake(WAKE),
            metrics=metrics,
            on_dead=handlers.on_dead,
            poll=_JOB_POLL,
        ).loop

    return {"probes": worker(PROBE, 2), "steps": worker(STEP, work.workers)}


def _consumers(
    settings: TranscoderSettings,
    ledger: PostgresLedger,
    dead_letters: DeadLetters,
    metrics: Metrics,
) -> Consumption:
    handlers = {
        "transcoder.assets": dispatch(
            asset_handlers(
                RequestProcessing(ledger), StopProcessing(ledger), ResumeProcessing(ledger)
            )
        ),
        "transcoder.purges": dispatch(purge_handlers(ForgetDetails(ledger))),
    }
    return consume(
        settings.kafka,
        TRANSCODER,
        handlers,
        dead_letters,
        metrics,
        ledger.database,
        required="http" not in settings.process.roles,
    )


def describe() -> FastAPI:
    """The app for `reprise openapi`: the transcoder has no routes of its own."""
    return describing_app(TRANSCODER, version("reprise-transcoder"), [])
