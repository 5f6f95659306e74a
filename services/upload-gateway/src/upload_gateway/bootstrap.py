"""What the parts of the gateway are, read downwards: plumbing, ways in, loops; see `wiring`."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from common.events.topics import UPLOAD_GATEWAY as SERVICE
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lag_metrics import export_lag
from common.telemetry.telemetry import Telemetry
from common.tokens import KeyRing, Receipts
from common.web.app import build_app, describing_app
from common.web.callers import Callers
from common.web.loops import Loop
from common.web.server import ServiceProcess
from upload_gateway.adapters.asyncio_writers import AsyncioWriters
from upload_gateway.adapters.memory_streams import MemoryStreams
from upload_gateway.adapters.postgres_feed import PostgresFeed
from upload_gateway.adapters.postgres_presence import PostgresPresence
from upload_gateway.routes import form, statuses
from upload_gateway.routes.config import build_config_routes
from upload_gateway.routes.draining import cut_when_draining
from upload_gateway.routes.events import build_event_routes
from upload_gateway.routes.form import build_form_routes
from upload_gateway.routes.presigned import build_presigned_routes
from upload_gateway.routes.status import build_status_routes
from upload_gateway.routes.tus_protocol import TusProtocol
from upload_gateway.routes.uploads import build_tus_routes
from upload_gateway.settings import UploadGatewaySettings
from upload_gateway.sweeps.listeners import build_feeding
from upload_gateway.sweeps.slots import keep_slots, tell_what_is_open
from upload_gateway.sweeps.writers import build_writer_watch
from upload_gateway.usecases.end_upload import EndUpload
from upload_gateway.usecases.feed_listeners import FeedListeners
from upload_gateway.usecases.watch_writers import WatchWriters
from upload_gateway.wiring.asking import build_asking, build_telling, web_origins
from upload_gateway.wiring.parts import Parts, build_checks, open_parts
from upload_gateway.wiring.receiving import build_receiving, open_writers
from upload_gateway.wiring.work import (
    build_consumers,
    expiry_loop,
    forgetting_loop,
    relay_loop,
    verify_loop,
)


@asynccontextmanager
async def bootstrap(
    settings: UploadGatewaySettings, telemetry: Telemetry
) -> AsyncIterator[ServiceProcess]:
    """Open what this process needs and close it in reverse. Nothing here waits for Kafka or S3."""
    async with AsyncExitStack() as stack:
        parts = await open_parts(stack, settings, telemetry)
        receipts = Receipts(KeyRing.parse(settings.receipts.ring.get_secret_value()))
        writers, callers = open_writers(settings.upload), Callers(settings.callers)
        feed, told = PostgresFeed(parts.database), settings.telling
        streams = MemoryStreams(told.streams_per_user, told.streams)
        roles, http = settings.process.roles, "http" in settings.process.roles
        checks, loops = build_checks(parts, receipts), dict[str, Loop]()
        if "consumers" in roles:
            dead_letters = await stack.enter_async_context(DeadLetters(settings.kafka, SERVICE))
            consuming = build_consumers(parts, dead_letters)
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
            app.user_middleware += [web_origins(settings.web), Middleware(TusProtocol)]
            refused = statuses.refusals(telemetry.metrics)
            statuses.install(app, settings.admission.busy_status, refused)
            lease = settings.admission.lease
            loops["slots"] = keep_slots(parts.ledger, lambda: writers.active, lease)
            loops["writers"] = build_writer_watch(
                WatchWriters(writers, PostgresPresence(parts.database))
            )
            loops["drain"] = cut_when_draining(app.state.health, writers.stop)
            feeding = FeedListeners(feed, streams)
            loops["streams"] = build_feeding(feeding, streams.end, app.state.health)
            loops |= callers.loops
        if "workers" in roles:
            loops["verify"] = verify_loop(parts)
            loops["expiry"] = expiry_loop(parts)
            loops["open"] = tell_what_is_open(parts.ledger, telemetry.metrics)
            loops["forgetting"] = forgetting_loop(parts)
        if "relay" in roles:
            loops["relay"] = relay_loop(parts)
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
    presence = PostgresPresence(parts.database)
    end = EndUpload(parts.ledger, writers, presence, parts.clear, parts.clock)
    return [
        build_telling(parts, streams, callers),
        *build_receiving(parts, writers, end, callers),
        *build_asking(parts, receipts, end, callers),
    ]


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
