"""The composition root of delivery: settings in, a process that can be served out."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import aiohttp
from fastapi import FastAPI

from common.clock import Clock, SystemClock
from common.errors import Unavailable
from common.events.topics import ACCESSES, CATALOG_STATE, DELIVERY, WATERMARKS, Topic
from common.kafka.producer import TransactionalSender
from common.relay.relay import Relay
from common.s3.presign import Presigner
from common.telemetry.telemetry import Telemetry
from common.tokens import KeyRing, MediaTokens
from common.web.app import build_app, describing_app
from common.web.callers import Callers
from common.web.health import Check
from common.web.loops import Loop
from common.web.server import ServiceProcess
from delivery.adapters.index_files import IndexFiles
from delivery.adapters.s3_media import S3Media, open_session
from delivery.adapters.sqlite_handover import SqliteHandover
from delivery.adapters.sqlite_index import Bell, SqliteIndex
from delivery.adapters.sqlite_index_writer import SqliteIndexWriter
from delivery.adapters.sqlite_outbox import SqliteOutboxSource, node_id
from delivery.adapters.sqlite_outbox_file import OutboxFile
from delivery.consumers.catalog_state import CatalogState, watch_index
from delivery.consumers.rebuilt_index import RebuiltIndex
from delivery.consumers.watermarks import Watermarks
from delivery.routes.headers import guards
from delivery.routes.links import LinkRoutes
from delivery.routes.media import MediaRoutes
from delivery.routes.robots import build_robots_route
from delivery.settings import DeliverySettings, TokenRings
from delivery.usecases.check_tokens import CheckTokens
from delivery.usecases.index_records import IndexRecords
from delivery.usecases.issue_link import IssueLink, LinkPolicy
from delivery.usecases.refresh_links import RefreshLinks
from delivery.usecases.serve_media import ServeMedia

VERSION = version("reprise-delivery")
INDEX_FILE, OUTBOX_FILE, OUTBOX_LOCK = "index.sqlite3", "outbox.sqlite3", "outbox.lock"


@asynccontextmanager
async def bootstrap(
    settings: DeliverySettings,
    telemetry: Telemetry,
    *,
    state: Topic = CATALOG_STATE,
    watermarks: Topic = WATERMARKS,
) -> AsyncIterator[ServiceProcess]:
    """Opens the index and the store's session; Kafka is reached for by the loops alone.

    `state` and `watermarks` are other topics only where tests share a broker.
    """
    clock = SystemClock()
    folder = settings.serving.folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    bell = Bell()
    files = IndexFiles(folder)
    index = SqliteIndex(files.live, bell)
    writer = SqliteIndexWriter(files.live, bell)
    try:
        with _relay(settings, telemetry, clock, folder) as relay:
            async with open_session(settings.serving.streams) as session:
                watch_index(index, clock, telemetry.metrics)
                callers = Callers(settings.callers)
                app = _build_app(settings, telemetry, clock, index, session, callers)
                index_of_node = (writer, SqliteHandover(files, writer))
                topics = (state, watermarks)
                loops = _build_loops(settings, telemetry, clock, index_of_node, topics)
                yield ServiceProcess(app, {**loops, **relay, **callers.loops})
    finally:
        index.close()
        writer.close()


def _build_app(
    settings: DeliverySettings,
    telemetry: Telemetry,
    clock: Clock,
    index: SqliteIndex,
    session: aiohttp.ClientSession,
    callers: Callers,
) -> FastAPI:
    tokens = _tokens(settings.tokens)
    media = MediaRoutes(
        serve_media=ServeMedia(
            index, tokens, clock, timedelta(seconds=settings.serving.index_max_age)
        ),
        store=S3Media(session, Presigner(settings.s3, for_origin="internal", clock=clock)),
        guards=guards(settings.links.resource_policy),
        stall=settings.serving.stall_seconds,
        denials=telemetry.metrics.counter("denials", "Refusals at /m/.", ["reason"]),
    )
    issue_link = IssueLink(index, tokens, clock, _link_policy(settings))
    links = LinkRoutes(issue_link, RefreshLinks(issue_link), callers)

    async def index_is_loaded() -> None:
        if not index.loaded():
            raise Unavailable("the index is being filled", code="index_loading")

    return build_app(
        service="delivery",
        version=VERSION,
        routers=[media.router(), links.router(), build_robots_route()],
        checks=[Check("index", index_is_loaded), Check("secret", CheckTokens(tokens, clock))],
        telemetry=telemetry,
        clock=clock,
        access_log=False,  # thousands a second; refusals and links are told by name
    )


def _build_loops(
    settings: DeliverySettings,
    telemetry: Telemetry,
    clock: Clock,
    index: tuple[SqliteIndexWriter, SqliteHandover],
    topics: tuple[Topic, Topic],
) -> Mapping[str, Loop]:
    if "consumers" not in settings.process.roles:
        return {}
    writer, handover = index
    index_records = IndexRecords(writer, clock)
    kafka, metrics = settings.kafka, telemetry.metrics
    return {
        "catalog-state": CatalogState(kafka, index_records, writer, metrics, clock, topics[0]).run,
        "rebuilt-index": RebuiltIndex(kafka, handover, clock, metrics, topics[0]).run,
        "watermarks": Watermarks(kafka, index_records, writer, topics[1]).run,
    }


@contextmanager
def _relay(
    settings: DeliverySettings, telemetry: Telemetry, clock: Clock, folder: Path
) -> Iterator[Mapping[str, Loop]]:
    """What this node appends goes to Kafka; ADR 10 says why it tells nobody how far it is."""
    if "relay" not in settings.process.roles:
        yield {}
        return
    file = OutboxFile(folder / OUTBOX_FILE)
    id_ = f"reprise.{DELIVERY}.relay.{node_id(folder)}"
    relay = Relay(
        SqliteOutboxSource(file, folder / OUTBOX_LOCK, clock),
        lambda: TransactionalSender(settings.kafka, id_, DELIVERY, topics=[ACCESSES]),
        service=DELIVERY,
        clock=clock,
        metrics=telemetry.metrics,
        wake=asyncio.Event(),
        watermarks=False,
        tracer=telemetry.tracer,
    )
    try:
        yield {"relay": relay.loop}
    finally:
        file.close()


def _tokens(rings: TokenRings) -> MediaTokens | None:
    if rings.private_ring is None or rings.public_ring is None:
        return None
    return MediaTokens(
        KeyRing.parse(rings.private_ring.get_secret_value()),
        KeyRing.parse(rings.public_ring.get_secret_value()),
    )


def _link_policy(settings: DeliverySettings) -> LinkPolicy:
    links = settings.links
    return LinkPolicy(timedelta(seconds=links.private_ttl), links.base, links.audio_default)


def describe() -> FastAPI:
    """The app for `reprise openapi`: the real routes over ports that nobody calls."""
    nobody = cast("Any", None)
    media = MediaRoutes(nobody, nobody, nobody, 0, nobody)
    links = LinkRoutes(nobody, nobody, nobody)
    routers = [media.router(), links.router(), build_robots_route()]
    return describing_app("delivery", VERSION, routers)
