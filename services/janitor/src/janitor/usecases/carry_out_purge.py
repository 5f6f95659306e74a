"""Delete what an order names, then close its rows with proof."""

from dataclasses import dataclass

from common.errors import Unavailable
from common.events import AssetPurged, ObjectPurged, PurgeFailed
from common.failpoints import failpoint
from common.ids import EventId, ObjectKey, event_id_for
from common.jobs.job import Job
from janitor.domain.purge_order import PurgeOrder, Scope, is_worth_reporting
from janitor.ports import ObjectRemover, Transaction, UnitOfWork


@dataclass(frozen=True, slots=True)
class CarryOutPurge:
    """Objects first, rows after: a crash in between repeats deletes, which succeed (JAN-01)."""

    unit_of_work: UnitOfWork
    remover: ObjectRemover

    async def __call__(self, job: Job) -> None:
        order_id = EventId(job.id)
        async with self.unit_of_work.begin() as transaction:
            order = (await transaction.orders.find(order_id)).order
        for key in order.keys:
            await self._remove(order, key)
            await failpoint("janitor.after_object")
        await failpoint("janitor.after_delete")
        async with self.unit_of_work.begin() as transaction:
            await transaction.ledger.hold(order.asset_id)
            closed = await transaction.ledger.close(order)
            await _tell(transaction, order, [key for key in order.keys if key in closed])
            await transaction.orders.finish(order_id, job)
        await failpoint("janitor.after_close")

    async def _remove(self, order: PurgeOrder, key: ObjectKey) -> None:
        try:
            await self.remover.remove(key)
        except Unavailable as error:
            await self._count_failure(order, key, error.code)
            raise

    async def _count_failure(self, order: PurgeOrder, key: ObjectKey, code: str) -> None:
        async with self.unit_of_work.begin() as transaction:
            await transaction.ledger.hold(order.asset_id)
            failures = await transaction.orders.record_failure(order.id, code)
            if is_worth_reporting(failures):
                fact = PurgeFailed(asset_id=order.asset_id, key=key, error=code, attempts=failures)
                event_id = event_id_for(order.id, "failed", failures)
                await transaction.publisher.publish(
                    fact, asset_id=order.asset_id, event_id=event_id, cause=order.cause
                )


async def _tell(transaction: Transaction, order: PurgeOrder, closed: list[ObjectKey]) -> None:
    for key in closed:
        await transaction.publisher.publish(
            ObjectPurged(asset_id=order.asset_id, key=key, reason=order.reason),
            asset_id=order.asset_id,
            event_id=event_id_for(order.id, "object", key),
            cause=order.cause,
        )
    if order.scope is Scope.ASSET:
        await transaction.publisher.publish(
            AssetPurged(asset_id=order.asset_id, reason=order.reason, objects=len(order.keys)),
            asset_id=order.asset_id,
            event_id=event_id_for(order.id, "asset"),
            cause=order.cause,
        )
