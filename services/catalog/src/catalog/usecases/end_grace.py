"""The catalog alone ends a grace (design §2)."""

from dataclasses import dataclass

from catalog.domain.ending import end_grace
from catalog.ports import Transactions
from common.failpoints import failpoint


@dataclass(frozen=True, slots=True)
class EndGrace:
    """Take one deleted asset whose time is over past the point of return.

    False when none is due.
    """

    transactions: Transactions

    async def __call__(self) -> bool:
        async with self.transactions.open() as work:
            asset = await work.assets.lock_due()
            if asset is None:
                return False
            await work.assets.save(end_grace(asset), None)
            await failpoint("catalog.before_grace_end")
        await failpoint("catalog.after_grace_end")
        return True
