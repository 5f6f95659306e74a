"""Take an irrevocable fact as an order: condemn its objects and queue the work."""

from dataclasses import dataclass

from janitor.domain.purge_order import PurgeOrder
from janitor.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class OrderPurge:
    """One transaction, so that a condemned object always has somebody who will come for it."""

    unit_of_work: UnitOfWork

    async def __call__(self, order: PurgeOrder) -> None:
        async with self.unit_of_work.begin() as transaction:
            await transaction.ledger.hold(order.asset_id)
            if await transaction.orders.place(order):
                await transaction.ledger.condemn(order)
