"""No object of an asset is left."""

from dataclasses import dataclass

from catalog.domain.applied import Outcome, known, outcome_of, purge_decided
from catalog.domain.ending import close_purged
from catalog.domain.states import State
from catalog.ports import Transactions
from common.events import AssetPurged
from common.events.envelope import Envelope
from common.ids import AssetId


@dataclass(frozen=True, slots=True)
class ClosePurged:
    """Close the row, remove its state record and forget its names.

    The row itself stays for ever.
    """

    transactions: Transactions

    async def __call__(self, fact: AssetPurged, cause: Envelope) -> Outcome:
        async with self.transactions.open() as work:
            asset = known(await work.assets.lock(AssetId(fact.asset_id)))
            outcome = outcome_of(asset, fact, cause)
            if outcome is not Outcome.DUPLICATE:
                change = close_purged(purge_decided(asset))
                if change.asset.state is State.PURGED:
                    await work.names.erase(asset.asset_id)
                await work.assets.save(change.covering(fact, cause), cause)
        return outcome
