"""The composition root: adapters -> use cases -> ways in, as many as this process has roles."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter
from faststream.kafka import KafkaBroker

from catalog.adapters.postgres_asset_reader import PostgresAssetReader
from catalog.adapters.postgres_transactions import PostgresTransactions
from catalog.adapters.secrets_check import SecretsCheck
from catalog.consumers.details import details_handler
from catalog.consumers.dispatch import Handle, dispatch
from catalog.consumers.purges import purge_handlers
from catalog.consumers.renditions import rendition_handlers
from catalog.consumers.uploads import upload_handlers
from catalog.ports import AssetReader, Transactions
from catalog.routes.admin_assets import build_admin_assets
from catalog.routes.user_assets import build_user_assets
from catalog.settings import CatalogSettings
from catalog.sweeps.grace import GraceSweep
from catalog.usecases.abandon_asset import AbandonAsset
from catalog.usecases.close_purged import ClosePurged
from catalog.usecases.condemn_flagged import CondemnFlagged
from catalog.usecases.delete_asset import DeleteAsset
from catalog.usecases.describe_asset import DescribeAsset
from catalog.usecases.end_grace import EndGrace
from catalog.usecases.end_run import EndRun
from catalog.usecases.keep_names import KeepNames
from catalog.usecases.list_assets import ListAssets
from catalog.usecases.lookup_digests import LookupDigests
from catalog.usecases.record_plan import RecordPlan
from catalog.usecases.record_purge import RecordPurge
from catalog.usecases.record_rendition import RecordRendition
from catalog.usecases.record_upload_start import RecordUploadStart
from catalog.usecases.register_asset import RegisterAsset
from catalog.usecases.restore_asset import RestoreAsset
from catalog.usecases.withdraw_asset import WithdrawAsset
from common.clock import Clock, SystemClock
from common.events.topics import CATALOG
from common.kafka.broker import build_broker
from common.kafka.producer import TransactionalSender
from common.postgres.engine import Database, open_engine
from common.postgres.outbox import WAKE, PostgresOutboxSource
from common.relay.relay import Relay, transactional_id
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.loop import run_consumers
from common.subscriber.subscriber import ReliableSubscriber
from common.telemetry.metrics import Metrics
from common.telemetry.telemetry import Telemetry
from common.web.app import build_app
from common.web.callers import Callers
from common.web.health import Check
from common.web.loops import Loop
from common.web.server import ServiceProcess


@asynccontextmanager
async def bootstrap(
    settings: CatalogSettings, telemetry: Telemetry
) -> AsyncIterator[ServiceProcess]:
    """Open what this process needs and close it in reverse. Nothing here waits for Kafka."""
    clock, roles = SystemClock(), settings.process.roles
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_engine(settings.postgres, schema=CATALOG))
        transactions, reader = PostgresTransactions(database, clock), PostgresAssetReader(database)
        loops: dict[str, Loop] = {}
        if "consumers" in roles:
            dead_letters = await stack.enter_async_context(DeadLetters(settings.kafka, CATALOG))
            handlers = build_handlers(transactions, settings, telemetry.metrics)
            loops["consumers"] = _consumers(settings, handlers, dead_letters, telemetry.metrics)
        if "workers" in roles:
            loops["grace"] = _grace_sweep(transactions, settings, telemetry.metrics).loop
        if "relay" in roles:
            loops["relay"] = _relay(database, settings, clock, telemetry.metrics).loop
        app = build_app(
            service=CATALOG,
            version=version("reprise-catalog"),
            routers=build_routes(transactions, reader, settings) if "http" in roles else [],
            checks=[
                Check("postgres", database.check),
                Check("secrets", SecretsCheck(settings.callers, clock)),
            ],
            telemetry=telemetry,
            info={"roles": sorted(roles)},
        )
        yield ServiceProcess(app, loops)


def build_routes(
    transactions: Transactions, reader: AssetReader, settings: CatalogSettings
) -> list[APIRouter]:
    """The public routes of the catalog."""
    callers = Callers(settings.callers)
    describe, list_assets = DescribeAsset(reader), ListAssets(reader)
    return [
        build_user_assets(callers, describe=describe, list_assets=list_assets),
        build_admin_assets(
            callers,
            describe=describe,
            list_assets=list_assets,
            delete=DeleteAsset(transactions, settings.deletes.grace),
            restore=RestoreAsset(transactions),
            lookup=LookupDigests(reader),
        ),
    ]


def build_handlers(
    transactions: Transactions, settings: CatalogSettings, metrics: Metrics
) -> dict[str, Handle]:
    """What is done with the records of each consumer group."""
    facts = {
        "catalog.uploads": upload_handlers(
            start=RecordUploadStart(transactions),
            register=RegisterAsset(transactions),
            abandon=AbandonAsset(transactions),
            withdraw=WithdrawAsset(transactions, settings.deletes.grace),
        ),
        "catalog.renditions": rendition_handlers(
            plan=RecordPlan(transactions),
            rendition=RecordRendition(transactions),
            end=EndRun(transactions),
            flag=CondemnFlagged(transactions),
        ),
        "catalog.purges": purge_handlers(
            record=RecordPurge(transactions), close=ClosePurged(transactions)
        ),
    }
    handlers = {group: dispatch(group, table, metrics) for group, table in facts.items()}
    details = "catalog.details"
    return handlers | {details: details_handler(details, KeepNames(transactions), metrics)}


def _consumers(
    settings: CatalogSettings,
    handlers: dict[str, Handle],
    dead_letters: DeadLetters,
    metrics: Metrics,
) -> Loop:
    def build() -> tuple[KafkaBroker, list[ReliableSubscriber]]:
        broker = build_broker(settings.kafka, CATALOG)
        return broker, [
            ReliableSubscriber(
                broker, group=group, handle=handle, dead_letters=dead_letters, metrics=metrics
            )
            for group, handle in handlers.items()
        ]

    return run_consumers(settings.kafka, build)


def _grace_sweep(
    transactions: Transactions, settings: CatalogSettings, metrics: Metrics
) -> GraceSweep:
    interval = settings.deletes.grace_sweep_interval
    return GraceSweep(EndGrace(transactions), interval, metrics)


def _relay(database: Database, settings: CatalogSettings, clock: Clock, metrics: Metrics) -> Relay:
    return Relay(
        PostgresOutboxSource(settings.postgres.url.get_secret_value(), CATALOG),
        lambda: TransactionalSender(settings.kafka, transactional_id(CATALOG), CATALOG),
        service=CATALOG,
        clock=clock,
        metrics=metrics,
        wake=database.wake(WAKE),
    )
