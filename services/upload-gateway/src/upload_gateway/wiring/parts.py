"""What all roles of a process share, opened and put together."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from common.clock import Clock, SystemClock
from common.jobs.queue import JobQueue
from common.postgres.engine import Database, open_engine
from common.s3.calls import StoreCalls
from common.s3.client import CONTROL_CONNECTIONS, open_s3
from common.s3.objects import ObjectStore
from common.telemetry.metrics import Metrics
from common.telemetry.telemetry import Telemetry
from common.tokens import Receipts
from common.web.health import Check
from upload_gateway.adapters.postgres_ledger import PostgresLedger
from upload_gateway.adapters.s3_parts import S3Parts, configured
from upload_gateway.adapters.s3_staging import S3Staging
from upload_gateway.adapters.secrets_check import SecretsCheck
from upload_gateway.settings import StorageSettings, UploadGatewaySettings
from upload_gateway.usecases.clear_upload import ClearUpload

SCHEMA = "upload_gateway"


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


async def open_parts(
    stack: AsyncExitStack, settings: UploadGatewaySettings, telemetry: Telemetry
) -> Parts:
    """Open the database and the store, to be closed with the stack."""
    database = await stack.enter_async_context(open_engine(settings.postgres, schema=SCHEMA))
    # a part that waited for a connection would be taken for a store that is silent
    connections = CONTROL_CONNECTIONS + settings.upload.buffers
    objects = await _open_objects(stack, settings.storage, telemetry.metrics, connections)
    return _assemble(settings, telemetry, database, objects)


async def _open_objects(
    stack: AsyncExitStack, storage: StorageSettings, metrics: Metrics, connections: int
) -> ObjectStore | None:
    if not storage.configured:
        return None
    client = await stack.enter_async_context(open_s3(storage, connections=connections))
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


def build_checks(parts: Parts, receipts: Receipts) -> list[Check]:
    """Only the database and the secrets decide; a missing store is shown and answered per route."""

    async def storage() -> None:
        await configured(parts.objects).check()

    return [
        Check("postgres", parts.database.check),
        Check("secrets", SecretsCheck(parts.settings.callers, receipts, parts.clock)),
        Check("storage", storage, required=False),
    ]
