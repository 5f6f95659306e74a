"""Puts the janitor together: read downwards, it is the list of its parts."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import Any, cast

from fastapi import FastAPI

from common.clock import SystemClock
from common.events.topics import JANITOR
from common.jobs.queue import JobQueue
from common.postgres.engine import Database, open_engine
from common.relay.outbox import publish_outbox
from common.s3.calls import StoreCalls
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.subscriber.consume import Consumption, consume
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lag_metrics import export_lag
from common.telemetry.telemetry import Telemetry
from common.web.app import build_app, describing_app
from common.web.health import Check
from common.web.loops import Loop
from common.web.server import ServiceProcess
from janitor.adapters.postgres_orders import PURGE_KIND
from janitor.adapters.postgres_register import PostgresRegister
from janitor.adapters.postgres_unit_of_work import PostgresUnitOfWork
from janitor.adapters.s3_objects import S3Objects
from janitor.consumers.assets import build_assets_handler
from janitor.consumers.orders import OrderIntake
from janitor.consumers.renditions import build_renditions_handler
from janitor.consumers.together import build_together
from janitor.consumers.uploads import build_uploads_handler
from janitor.routes.ops import build_ops_routes
from janitor.settings import JanitorSettings
from janitor.usecases.carry_out_purge import CarryOutPurge
from janitor.usecases.declare_object import DeclareObject
from janitor.usecases.declare_objects import DeclareObjects
from janitor.usecases.order_purge import OrderPurge
from janitor.workers.purges import build_purge_worker

SCHEMA = "janitor"


@asynccontextmanager
async def bootstrap(
    settings: JanitorSettings, telemetry: Telemetry
) -> AsyncIterator[ServiceProcess]:
    """Open what the process's roles need; close it in reverse order."""
    clock, roles = SystemClock(), settings.process.roles
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_engine(settings.postgres, schema=SCHEMA))
        queue = _queue(settings, database)
        unit_of_work = PostgresUnitOfWork(database, queue, clock)
        checks = [Check("postgres", database.check, required=True)]
        loops: dict[str, Loop] = {}
        if "consumers" in roles:
            dead_letters = await stack.enter_async_context(DeadLetters(settings.kafka, JANITOR))
            consuming = _consumers(settings, telemetry, unit_of_work, dead_letters)
            loops |= consuming.loops
            checks += consuming.checks
        if "workers" in roles:
            client = await stack.enter_async_context(open_s3(settings.s3))
            calls = StoreCalls(metrics=telemetry.metrics)
            store = ObjectStore(client, settings.s3.bucket, calls=calls)
            loops["purges"] = _purges(settings, telemetry, unit_of_work, store, queue)
        if "relay" in roles:
            loops["relay"] = publish_outbox(
                settings.kafka,
                settings.postgres,
                JANITOR,
                database,
                clock=clock,
                metrics=telemetry.metrics,
                tracer=telemetry.tracer,
            )
            loops.setdefault("lag", export_lag(settings.kafka, JANITOR, telemetry.metrics))
        app = build_app(
            service=JANITOR,
            version=version("reprise-janitor"),
            routers=[build_ops_routes(PostgresRegister(database))] if "http" in roles else [],
            checks=checks,
            telemetry=telemetry,
            info={"roles": sorted(roles)},
        )
        yield ServiceProcess(app, loops)


def _queue(settings: JanitorSettings, database: Database) -> JobQueue:
    return JobQueue(
        database,
        lease=timedelta(seconds=settings.purge.lease),
        backoff_cap=timedelta(seconds=settings.purge.retry_cap),
    )


def _consumers(
    settings: JanitorSettings,
    telemetry: Telemetry,
    unit_of_work: PostgresUnitOfWork,
    dead_letters: DeadLetters,
) -> Consumption:
    refusals = telemetry.metrics.counter(
        "refused_orders", "Facts that named an object which is not theirs."
    )
    declare = DeclareObject(unit_of_work)
    intake = OrderIntake(OrderPurge(unit_of_work), refusals)

    handlers = {
        "janitor.uploads": build_uploads_handler(declare, intake),
        "janitor.assets": build_assets_handler(declare, intake),
        "janitor.renditions": build_renditions_handler(declare),
    }
    declare_all = DeclareObjects(unit_of_work)
    return consume(
        settings.kafka,
        JANITOR,
        handlers,
        dead_letters,
        telemetry.metrics,
        unit_of_work.database,
        together={name: build_together(declare_all, one) for name, one in handlers.items()},
        required="http" not in settings.process.roles,
    )


def _purges(
    settings: JanitorSettings,
    telemetry: Telemetry,
    unit_of_work: PostgresUnitOfWork,
    store: ObjectStore,
    queue: JobQueue,
) -> Loop:
    deletes = telemetry.metrics.counter(
        "object_deletes", "Deletes asked of the store, by outcome.", ["outcome"]
    )
    worker = build_purge_worker(
        queue,
        CarryOutPurge(unit_of_work, S3Objects(store, deletes)),
        kind=PURGE_KIND,
        concurrency=settings.purge.workers,
        database=unit_of_work.database,
        metrics=telemetry.metrics,
    )
    return worker.loop


def describe() -> FastAPI:
    """The app for `reprise openapi`: the real routes over a register that nobody asks."""
    nobody = cast("Any", None)
    return describing_app(JANITOR, version("reprise-janitor"), [build_ops_routes(nobody)])
