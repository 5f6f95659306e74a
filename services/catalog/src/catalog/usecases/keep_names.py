"""File names and tags arrive by a road of their own, in any order with the facts."""

from dataclasses import dataclass

from catalog.domain.applied import Outcome
from catalog.domain.details import Details
from catalog.domain.states import State
from catalog.ports import Transactions


@dataclass(frozen=True, slots=True)
class KeepNames:
    """Keep the newest record of each producer.

    Of an asset that is being purged nothing is kept but its number.

    The topic is compacted, so a jump in the sequence is no gap.
    """

    transactions: Transactions

    async def __call__(self, details: Details) -> Outcome:
        async with self.transactions.open() as work:
            # the lock keeps a purge that closes the row at this moment from missing these names
            asset = await work.assets.lock(details.asset_id)
            going = asset is not None and asset.state in {State.PURGING, State.PURGED}
            kept = await work.names.keep(details.emptied() if going else details)
        return Outcome.APPLIED if kept else Outcome.DUPLICATE
