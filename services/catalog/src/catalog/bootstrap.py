"""The composition root: adapters -> use cases -> ways in, as many as this process has roles."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from importlib.metadata import version
from typing import Any, cast

from fastapi import APIRouter, Depends, FastAPI

from catalog.adapters.postgres_asset_reader import PostgresAssetReader
from catalog.adapters.postgres_transactions import PostgresTransactions
from catalog.consumers.handlers import build_handlers
from catalog.ports import AssetReader, Transactions
from catalog.recovery.adapters.whole_schema import WholeSchema
from catalog.routes.admin_assets import build_admin_assets
from catalog.routes.user_assets import build_user_assets
from catalog.settings import CatalogSettings
from catalog.sweeps.grace import GraceSweep
from catalog.usecases.delete_asset import DeleteAsset
from catalog.usecases.describe_asset import DescribeAsset
from catalog.usecases.end_grace import EndGrace
from catalog.usecases.list_assets import ListAssets
from catalog.usecases.lookup_digests import LookupDigests
from catalog.usecases.restore_asset import RestoreAsset
from common.clock import SystemClock
from common.errors import Unavailable
from common.events.topics import CATALOG
from common.postgres.engine import open_engine
from common.relay.outbox import publish_outbox
from common.subscriber.consume import consume
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lag_metrics import export_lag
from common.telemetry.telemetry import Telemetry
from common.web.app import build_app, describing_app
from common.web.bearer_check import BearerCheck
from common.web.callers import Callers
from common.web.health import Check
from common.web.loops import Loop
from common.web.server import ServiceProcess

VERSION = version("reprise-catalog")


@asynccontextmanager
async def bootstrap(
    settings: CatalogSettings, telemetry: Telemetry
) -> AsyncIterator[ServiceProcess]:
    """Open what this process needs and close it in reverse. Nothing here waits for Kafka."""
    clock, roles, metrics = SystemClock(), settings.process.roles, telemetry.metrics
    grace, interval = settings.deletes.grace, settings.deletes.grace_sweep_interval
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_engine(settings.postgres, schema=CATALOG))
        whole = WholeSchema(database)
        with suppress(Unavailable):  # it starts without a database; nothing works until one answers
            await whole.look()
        transactions, reader = PostgresTransactions(database, clock), PostgresAssetReader(database)
        checks = [
            Check("postgres", database.check),
            Check("schema", whole.look),
            Check("secrets", BearerCheck(settings.callers, clock)),
        ]
        loops: dict[str, Loop] = {}
        if "consumers" in roles:
            dead_letters = await stack.enter_async_context(DeadLetters(settings.kafka, CATALOG))
            handlers = build_handlers(transactions, grace, metrics)
            consuming = consume(
                settings.kafka,
                CATALOG,
                handlers,
                dead_letters,
                metrics,
                database,
                required="http" not in roles,
            )
            loops |= consuming.loops
            checks += consuming.checks
        if "workers" in roles:
            loops["grace"] = GraceSweep(EndGrace(transactions), interval, metrics).loop
        if "relay" in roles:
            loops["relay"] = publish_outbox(
                settings.kafka,
                settings.postgres,
                CATALOG,
                database,
                clock=clock,
                metrics=metrics,
                tracer=telemetry.tracer,
            )
            loops.setdefault("lag", export_lag(settings.kafka, CATALOG, metrics))
        loops = whole.gated(loops)
        callers = Callers(settings.callers)
        if "http" in roles:
            loops |= callers.loops
        app = build_app(
            service=CATALOG,
            version=VERSION,
            routers=_admitted(whole, build_routes(transactions, reader, callers, grace))
            if "http" in roles
            else [],
            checks=checks,
            telemetry=telemetry,
            info={"roles": sorted(roles)},
        )
        yield ServiceProcess(app, loops)


def build_routes(
    transactions: Transactions, reader: AssetReader, callers: Callers, grace: timedelta
) -> list[APIRouter]:
    """The public routes of the catalog."""
    describe_asset, list_assets = DescribeAsset(reader), ListAssets(reader)
    return [
        build_user_assets(callers, describe=describe_asset, list_assets=list_assets),
        build_admin_assets(
            callers,
            describe=describe_asset,
            list_assets=list_assets,
            delete=DeleteAsset(transactions, grace),
            restore=RestoreAsset(transactions),
            lookup=LookupDigests(reader),
        ),
    ]


def _admitted(whole: WholeSchema, routers: Iterable[APIRouter]) -> list[APIRouter]:
    """What the schema does not hold yet is not answered with 404."""
    outer = APIRouter(dependencies=[Depends(whole.admit)])
    for router in routers:
        outer.include_router(router)
    return [outer]


def describe() -> FastAPI:
    """The app for `reprise openapi`: the real routes over ports that nobody calls."""
    nobody = cast("Any", None)
    return describing_app(CATALOG, VERSION, build_routes(nobody, nobody, nobody, timedelta()))
