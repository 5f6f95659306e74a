"""The orders and their leased jobs, within a transaction."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text

from common.errors import NotFound
from common.ids import AssetId, EventId, ObjectKey, UploadId
from common.jobs.job import Job
from common.jobs.queue import JobQueue
from common.postgres.engine import WriteSession
from common.telemetry.duplicates import absorbed
from janitor.domain.purge_order import Cause, Purge, PurgeOrder, Scope

PURGE_KIND = "purge"
# an order is irrevocable, so its job never runs out of tries; outages do not even use one up
MAX_ATTEMPTS = 1_000_000

_PLACE = text(
    "INSERT INTO purge (id, asset_id, upload_id, scope, reason, keys, cause_event_id, cause_type,"
    " cause_source, correlation_id, traceparent)"
    " VALUES (:id, :asset_id, :upload_id, :scope, :reason, CAST(:keys AS text[]), :cause_event_id,"
    " :cause_type, :cause_source, :correlation_id, :traceparent) ON CONFLICT (id) DO NOTHING"
)
_FIND = text("SELECT * FROM purge WHERE id = :id")
_FAIL = text(
    "UPDATE purge SET failures = failures + 1, last_error = :error WHERE id = :id"
    " RETURNING failures"
)
_FINISH = text(
    "UPDATE purge SET finished_at = coalesce(finished_at, clock_timestamp()), last_error = NULL"
    " WHERE id = :id"
)


@dataclass(frozen=True, slots=True)
class PostgresOrders:
    """The `PurgeOrders` port on one write session."""

    session: WriteSession
    queue: JobQueue

    async def place(self, order: PurgeOrder) -> bool:
        placed = await self.session.execute(_PLACE, _values(order))
        if placed.rowcount == 0:
            absorbed()
            return False
        await self.queue.enqueue(
            self.session,
            id=order.id,
            kind=PURGE_KIND,
            subject=order.asset_id,
            payload={},  # the order's own row says it all
            max_attempts=MAX_ATTEMPTS,
            traceparent=order.cause.traceparent,
        )
        return True

    async def find(self, order_id: EventId) -> Purge:
        row = (await self.session.execute(_FIND, {"id": order_id})).one_or_none()
        if row is None:
            raise NotFound(f"no order {order_id}")
        return purge_of(row)

    async def record_failure(self, order_id: EventId, error: str) -> int:
        return int(await self.session.scalar(_FAIL, {"id": order_id, "error": error}) or 0)

    async def finish(self, order_id: EventId, job: Job) -> None:
        await self.session.execute(_FINISH, {"id": order_id})
        await self.queue.complete(self.session, job)


def purge_of(row: Row[Any]) -> Purge:
    """One row; the guard in PurgeOrder judges its keys again."""
    cause = Cause(
        EventId(row.cause_event_id),
        row.cause_type,
        row.cause_source,
        row.correlation_id,
        row.traceparent,
    )
    order = PurgeOrder(
        AssetId(row.asset_id),
        UploadId(row.upload_id) if row.upload_id else None,
        Scope(row.scope),
        row.reason,
        tuple(ObjectKey(key) for key in row.keys),
        cause,
    )
    return Purge(order, row.ordered_at, row.finished_at, row.failures, row.last_error)


def _values(order: PurgeOrder) -> dict[str, object]:
    return {
        "id": order.id,
        "asset_id": order.asset_id,
        "upload_id": order.upload_id,
        "scope": order.scope.value,
        "reason": order.reason,
        "keys": list(order.keys),
        "cause_event_id": order.cause.event_id,
        "cause_type": order.cause.type,
        "cause_source": order.cause.source,
        "correlation_id": order.cause.correlation_id,
        "traceparent": order.cause.traceparent,
    }
