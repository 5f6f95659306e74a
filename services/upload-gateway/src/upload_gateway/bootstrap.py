"""What the parts of the gateway are, read downwards: plumbing, adapters, use cases, ways in."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from common.clock import Clock, SystemClock
from common.events.topics import UPLOAD_GATEWAY as SERVICE
from common.jobs.queue import WAKE, JobQueue
from common.postgres.engine import Database, open_engine
from common.relay.outbox import publish_outbox
from common.s3.calls import StoreCalls
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.s3.presign import Presigner
from common.settings.groups import WebOriginsSettings
from common.subscriber.consume import Consumption, consume
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lag_metrics import export_lag
from common.telemetry.metrics import Metrics
from common.telemetry.telemetry import Telemetry
from common.tokens import KeyRing, Receipts
from common.web.app import build_app, describing_app
from common.web.callers import Callers
from common.web.health import Check
from common.web.loops import Loop
from common.web.origins import WebOrigins
from common.web.server import ServiceProcess
from upload_gateway.adapters.asyncio_writers import AsyncioWriters, Slowest
from upload_gateway.adapters.memory_buffers import MemoryBuffers
from upload_gateway.adapters.memory_digests import MemoryDigests
from upload_gateway.adapters.memory_streams import MemoryStreams
from upload_gateway.adapters.postgres_capabilities import PostgresCapabilities
from upload_gateway.adapters.postgres_feed import PostgresFeed
from upload_gateway.adapters.postgres_ledger import PostgresLedger
from upload_gateway.adapters.postgres_pace import PostgresPace
from upload_gateway.adapters.postgres_presence import PostgresPresence
from upload_gateway.adapters.postgres_transaction import VERIFY
from upload_gateway.adapters.puremagic_sniffer import PuremagicSniffer
from upload_gateway.adapters.s3_parts import S3Parts, configured
from upload_gateway.adapters.s3_staging import S3Staging
from upload_gateway.adapters.s3_urls import S3Urls
from upload_gateway.adapters.secrets_check import SecretsCheck
from upload_gateway.consumers import assets, purges, renditions
from upload_gateway.domain.birth import Terms
from upload_gateway.routes import form, statuses
from upload_gateway.routes.config import build_config_routes
from upload_gateway.routes.draining import cut_when_draining
from upload_gateway.routes.events import Streaming, build_event_routes
from upload_gateway.routes.form import FormUseCases, build_form_routes
from upload_gateway.routes.presigned import PresignedUseCases, build_presigned_routes
from upload_gateway.routes.status import build_status_routes
from upload_gateway.routes.tus_protocol import TusProtocol
from upload_gateway.routes.uploads import TusUseCases, build_tus_routes
from upload_gateway.settings import StorageSettings, UploadGatewaySettings, UploadSettings
from upload_gateway.sweeps.expiry import build_expiry_sweep
from upload_gateway.sweeps.forgetting import build_forgetting
from upload_gateway.sweeps.listeners import build_feeding
from upload_gateway.sweeps.slots import keep_slots, tell_what_is_open
from upload_gateway.sweeps.writers import build_writer_watch
from upload_gateway.usecases.acknowledge_bytes import AcknowledgeBytes
from upload_gateway.usecases.admit_upload import AdmitUpload
from upload_gateway.usecases.append_bytes import AppendBytes
from upload_gateway.usecases.build_final import BuildFinal
from upload_gateway.usecases.clear_upload import ClearUpload
from upload_gateway.usecases.commit_upload import CommitUpload
from upload_gateway.usecases.complete_object import CompleteObject
from upload_gateway.usecases.concatenate_uploads import ConcatenateUploads
from upload_gateway.usecases.create_upload import CreateUpload
from upload_gateway.usecases.describe_config import DescribeConfig
from upload_gateway.usecases.describe_upload import DescribeUpload
from upload_gateway.usecases.end_upload import EndUpload
from upload_gateway.usecases.expire_uploads import ExpireUploads
from upload_gateway.usecases.feed_listeners import FeedListeners
from upload_gateway.usecases.find_upload import FindUpload
from upload_gateway.usecases.follow_asset import FollowAsset
from upload_gateway.usecases.follow_uploads import FollowUploads
from upload_gateway.usecases.forget_name import ForgetName
from upload_gateway.usecases.give_up_upload import GiveUpUpload
from upload_gateway.usecases.judge_content import JudgeContent
from upload_gateway.usecases.list_uploads import ListUploads
from upload_gateway.usecases.mark_duplicate import MarkDuplicate
from upload_gateway.usecases.read_back import ReadBack
from upload_gateway.usecases.receive_file import ReceiveFile
from upload_gateway.usecases.receive_form import ReceiveForm
from upload_gateway.usecases.receive_parts import ReceiveParts
from upload_gateway.usecases.reject_content import RejectContent
from upload_gateway.usecases.sign_parts import SignParts
from upload_gateway.usecases.sign_upload import SignUpload
from upload_gateway.usecases.stage_tail import StageTail
from upload_gateway.usecases.store_part import StorePart
from upload_gateway.usecases.strand_upload import StrandUpload
from upload_gateway.usecases.verify_upload import VerifyUpload
from upload_gateway.usecases.watch_writers import WatchWriters
from upload_gateway.workers.verify import build_verify_worker

SCHEMA = "upload_gateway"
SHARED_PATHS = ("/files/", "/api/v1/uploads", "/api/v1/media/", "/api/v1/admin/images/upload")


@dataclass(frozen=True, slots=True)
class Parts:
    """What all roles of a process share."""

    settings: UploadGatewaySettings
    telemetry: Telemetry
    clock: Clock
    database: Database
    objects: ObjectStore | None
    jobs: JobQueue
    ledger: PostgresLedger
    store: S3Parts
    staging: S3Staging
    clear: ClearUpload


@asynccontextmanager
async def bootstrap(
    settings: UploadGatewaySettings, telemetry: Telemetry
) -> AsyncIterator[ServiceProcess]:
    """Open what this process needs and close it in reverse. Nothing here waits for Kafka or S3."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_engine(settings.postgres, schema=SCHEMA))
        objects = await _open_objects(stack, settings.storage, telemetry.metrics)
        parts = _assemble(settings, telemetry, database, objects)
        receipts = Receipts(KeyRing.parse(settings.receipts.ring.get_secret_value()))
        writers, callers = _writers(settings.upload), Callers(settings.callers)
        feed, told = PostgresFeed(database), settings.telling
        streams = MemoryStreams(told.streams_per_user, told.streams)
        roles, http = settings.process.roles, "http" in settings.process.roles
        checks, loops = _checks(parts, receipts), dict[str, Loop]()
        if "consumers" in roles:
            dead_letters = await stack.enter_async_context(DeadLetters(settings.kafka, SERVICE))
            consuming = _consumers(parts, dead_letters)
            loops |= consuming.loops
            checks += consuming.checks
        app = build_app(
            service=SERVICE,
            version=version("reprise-upload-gateway"),
            routers=_routes(parts, receipts, writers, callers, streams) if http else [],
            checks=checks,
            telemetry=telemetry,
            info={"roles": sorted(roles), "part_size": settings.upload.part_size},
            streamed=("/files/", form.PATH),
        )
        if http:
            # inside the gate, so that their refusals are counted and logged like all answers
            app.user_middleware += [_web_origins(settings.web), Middleware(TusProtocol)]
            refused = statuses.refusals(telemetry.metrics)
            statuses.install(app, settings.admission.busy_status, refused)
            lease = settings.admission.lease
            loops["slots"] = keep_slots(parts.ledger, lambda: writers.active, lease)
            loops["writers"] = build_writer_watch(WatchWriters(writers, PostgresPresence(database)))
            loops["drain"] = cut_when_draining(app.state.health, writers.stop)
            feeding = FeedListeners(feed, streams)
            loops["streams"] = build_feeding(feeding, streams.end, app.state.health)
            loops |= callers.loops
        if "workers" in roles:
            loops["verify"] = _verify_loop(parts)
            loops["expiry"] = _expiry_loop(parts)
            loops["open"] = tell_what_is_open(parts.ledger, telemetry.metrics)
            loops["forgetting"] = build_forgetting(
                feed,
                parts.ledger,
                parts.clock,
                timedelta(seconds=told.kept),
                settings.upload.sweep_interval,
            )
        if "relay" in roles:
            loops["relay"] = _relay(parts)
            loops.setdefault("lag", export_lag(settings.kafka, SERVICE, telemetry.metrics))
        yield ServiceProcess(app, loops)


def _routes(
    parts: Parts,
    receipts: Receipts,
    writers: AsyncioWriters,
    callers: Callers,
    streams: MemoryStreams,
) -> list[APIRouter]:
    """All public routes of the process."""
    parts.telemetry.metrics.gauge("open_streams", "Event streams that are open.").set_function(
        lambda: streams.count
    )
    told = parts.settings.telling
    follow = FollowUploads(PostgresFeed(parts.database))
    streaming = Streaming(streams.open, follow, told.stream_life, told.heartbeat)
    return [
        build_event_routes(streaming, callers),
        *build_routes(parts, receipts, writers, callers),
    ]


def build_routes(
    parts: Parts, receipts: Receipts, writers: AsyncioWriters, callers: Callers
) -> list[APIRouter]:
    """The public routes, with the one buffer pool of the process behind them."""
    limits, clock, ledger = parts.settings.upload, parts.clock, parts.ledger
    buffers = MemoryBuffers(
        count=limits.buffers, size=limits.part_size, patience=limits.buffer_wait
    )
    metrics = parts.telemetry.metrics
    metrics.gauge("part_buffers_used", "Part buffers in the hands of uploads.").set_function(
        lambda: buffers.in_use
    )
    admit = AdmitUpload(parts.settings.admission.limits)
    acknowledge = AcknowledgeBytes(ledger, admit, clock, limits.expiry)
    receive = ReceiveParts(
        StorePart(acknowledge, ledger, parts.store, parts.staging),
        StageTail(acknowledge, parts.staging),
        acknowledge,
        MemoryDigests(),
    )
    presence = PostgresPresence(parts.database)
    end = EndUpload(ledger, writers, presence, parts.clear, clock)
    uses = TusUseCases(
        create=_create(parts),
        concatenate=_concatenate(parts),
        find=FindUpload(ledger, writers, presence),
        append=AppendBytes(ledger, writers, presence, buffers, admit, receive),
        end=end,
        received=metrics.counter("received_bytes", "Body bytes of uploads."),
    )
    describe = DescribeUpload(ledger, parts.store, receipts, clock)
    return [
        build_tus_routes(uses, callers),
        build_form_routes(_form(parts, uses, writers), callers),
        build_config_routes(_config(parts), callers),
        build_presigned_routes(_presigned(parts, describe, end), callers),
        build_status_routes(describe, ListUploads(ledger), callers),
    ]


def _form(parts: Parts, uses: TusUseCases, writers: AsyncioWriters) -> FormUseCases:
    """The same creating, receiving and ending as that of tus, file by file."""
    limits = parts.settings.upload
    receive = ReceiveFile(
        parts.ledger,
        uses.create,
        uses.append,
        uses.end,
        RejectContent(parts.ledger, parts.clock),
        parts.clear,
        PuremagicSniffer(),
        limits.accept_any,
    )
    pace = PostgresPace(parts.database, parts.settings.admission.per_minute)
    whole = ReceiveForm(parts.store, pace, receive, limits.form_files)
    refused = statuses.refusals(parts.telemetry.metrics)
    return FormUseCases(whole, writers, limits.max_size, uses.received, refused)


def _web_origins(settings: WebOriginsSettings) -> Middleware:
    """Every route that a browser uses to upload; what is answered by others is theirs to share."""
    return Middleware(
        WebOrigins, origins=settings.origins(), paths=SHARED_PATHS, answering=("/files/",)
    )


def _create(parts: Parts) -> CreateUpload:
    upload, admission = parts.settings.upload, parts.settings.admission
    return CreateUpload(
        parts.ledger,
        parts.store,
        AdmitUpload(admission.limits),
        PostgresPace(parts.database, admission.per_minute),
        parts.clock,
        upload.sizes,
        upload.part_size,
        upload.expiry,
        upload.accept_any,
    )


def _presigned(parts: Parts, describe: DescribeUpload, end: EndUpload) -> PresignedUseCases:
    ledger, store, clock = parts.ledger, parts.store, parts.clock
    presign = parts.settings.presign
    signer = S3Urls(Presigner(parts.settings.storage), presign.url_seconds)
    capabilities = _capabilities(parts)
    return PresignedUseCases(
        sign=SignUpload(_create(parts), store, capabilities, signer, clock),
        sign_parts=SignParts(
            ledger, store, capabilities, signer, clock, parts.settings.upload.expiry
        ),
        commit=CommitUpload(ledger, store, _judge(parts), parts.clear, clock),
        describe=describe,
        end=end,
        outcomes=parts.telemetry.metrics.counter(
            "presigned_steps", "Calls of sign-upload and commit, by outcome.", ["step", "outcome"]
        ),
    )


def _judge(parts: Parts) -> JudgeContent:
    return JudgeContent(parts.store, PuremagicSniffer(), parts.settings.upload.accept_any)


def _capabilities(parts: Parts) -> PostgresCapabilities:
    storage = parts.settings.storage
    return PostgresCapabilities(parts.database, storage.endpoint, storage.bucket)


def _config(parts: Parts) -> DescribeConfig:
    upload, admission = parts.settings.upload, parts.settings.admission
    return DescribeConfig(
        _capabilities(parts),
        upload.sizes,
        admission.limits,
        admission.per_minute,
        upload.part_size,
        upload.expiry,
        parts.settings.presign.url_seconds,
        upload.form_files,
        upload.accept_any,
    )


def _concatenate(parts: Parts) -> ConcatenateUploads:
    upload, admission = parts.settings.upload, parts.settings.admission
    return ConcatenateUploads(
        parts.ledger,
        parts.store,
        PostgresPace(parts.database, admission.per_minute),
        parts.clock,
        Terms(upload.sizes, upload.part_size, upload.expiry, upload.accept_any),
    )


def _writers(settings: UploadSettings) -> AsyncioWriters:
    slowest = Slowest(settings.min_rate, settings.rate_window)
    return AsyncioWriters(stall=settings.stall, slowest=slowest)


async def _open_objects(
    stack: AsyncExitStack, storage: StorageSettings, metrics: Metrics
) -> ObjectStore | None:
    if not storage.configured:
        return None
    client = await stack.enter_async_context(open_s3(storage))
    return ObjectStore(client, storage.bucket, calls=StoreCalls(metrics=metrics))


def _assemble(
    settings: UploadGatewaySettings,
    telemetry: Telemetry,
    database: Database,
    objects: ObjectStore | None,
) -> Parts:
    lease = timedelta(seconds=settings.upload.verify_lease)
    jobs = JobQueue(database, lease=lease)
    ledger = PostgresLedger(database, jobs, settings.admission.lease)
    store, staging = S3Parts(objects), S3Staging(objects)
    return Parts(
        settings=settings,
        telemetry=telemetry,
        clock=SystemClock(),
        database=database,
        objects=objects,
        jobs=jobs,
        ledger=ledger,
        store=store,
        staging=staging,
        clear=ClearUpload(
            ledger, store, staging, SystemClock(), timedelta(seconds=settings.presign.late)
        ),
    )


def _checks(parts: Parts, receipts: Receipts) -> list[Check]:
    """Only the database and the secrets decide; a missing store is shown and answered per route."""

    async def storage() -> None:
        await configured(parts.objects).check()

    return [
        Check("postgres", parts.database.check),
        Check("secrets", SecretsCheck(parts.settings.callers, receipts, parts.clock)),
        Check("storage", storage, required=False),
    ]


def _verify_loop(parts: Parts) -> Loop:
    verify = VerifyUpload(
        parts.ledger,
        parts.store,
        CompleteObject(parts.store),
        ReadBack(parts.store),
        BuildFinal(parts.ledger, parts.store, CompleteObject(parts.store), ReadBack(parts.store)),
        _judge(parts),
        parts.clock,
    )
    worker = build_verify_worker(
        verify,
        parts.clear,
        GiveUpUpload(parts.ledger, parts.clock),
        StrandUpload(parts.ledger),
        parts.jobs,
        kind=VERIFY,
        concurrency=parts.settings.upload.verify_concurrency,
        wake=parts.database.wake(WAKE),
        metrics=parts.telemetry.metrics,
    )
    return worker.loop


def _expiry_loop(parts: Parts) -> Loop:
    interval = parts.settings.upload.sweep_interval
    patience = timedelta(seconds=interval)
    return build_expiry_sweep(
        ExpireUploads(parts.ledger, parts.clear, parts.clock, patience), interval
    )


def _consumers(parts: Parts, dead_letters: DeadLetters) -> Consumption:
    follow = FollowAsset(parts.ledger)
    handlers = {
        assets.GROUP: assets.build_assets_handler(MarkDuplicate(parts.ledger), follow),
        renditions.GROUP: renditions.build_renditions_handler(follow),
        purges.GROUP: purges.build_purges_handler(ForgetName(parts.ledger, parts.clock)),
    }
    settings = parts.settings
    return consume(
        settings.kafka,
        SERVICE,
        handlers,
        dead_letters,
        parts.telemetry.metrics,
        parts.database,
        required="http" not in settings.process.roles,
    )


def _relay(parts: Parts) -> Loop:
    settings, metrics = parts.settings, parts.telemetry.metrics
    return publish_outbox(
        settings.kafka,
        settings.postgres,
        SERVICE,
        parts.database,
        clock=parts.clock,
        metrics=metrics,
        tracer=parts.telemetry.tracer,
    )


def describe() -> FastAPI:
    """The app for `reprise openapi`: the real routes over use cases that nobody calls."""
    nobody = cast("Any", None)
    routers = [
        build_event_routes(nobody, nobody),
        build_tus_routes(nobody, nobody),
        build_form_routes(nobody, nobody),
        build_config_routes(nobody, nobody),
        build_presigned_routes(nobody, nobody),
        build_status_routes(nobody, nobody, nobody),
    ]
    return describing_app(SERVICE, version("reprise-upload-gateway"), routers)
