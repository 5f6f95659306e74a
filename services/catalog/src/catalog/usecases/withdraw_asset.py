"""An owner ended a finished upload through the gateway.

What becomes of the asset is decided here.
"""

from dataclasses import dataclass
from datetime import timedelta

from catalog.domain.applied import Outcome, known, outcome_of
from catalog.domain.ending import withdraw
from catalog.ports import Transactions
from common.events import UploadWithdrawn
from common.events.envelope import Envelope
from common.ids import AssetId


@dataclass(frozen=True, slots=True)
class WithdrawAsset:
    """A soft delete with the usual grace; nothing for an alias or for what is dead already."""

    transactions: Transactions
    grace: timedelta

    async def __call__(self, fact: UploadWithdrawn, cause: Envelope) -> Outcome:
        async with self.transactions.open() as work:
            asset = known(await work.assets.lock(AssetId(fact.asset_id)))
            outcome = outcome_of(asset, fact, cause)
            if outcome is not Outcome.DUPLICATE:
                change = withdraw(asset, now=await work.now(), grace=self.grace)
                if not change.asset.living:
                    await work.library.release(asset.asset_id)
                await work.assets.save(change.covering(fact, cause), cause)
        return outcome
