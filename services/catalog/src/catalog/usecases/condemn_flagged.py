"""The malware hook flagged an original: nobody may keep these bytes."""

from dataclasses import dataclass

from catalog.domain.applied import Outcome, known_run, outcome_of
from catalog.domain.ending import flag
from catalog.ports import Transactions
from common.events import MediaFlagged
from common.events.envelope import Envelope
from common.ids import AssetId


@dataclass(frozen=True, slots=True)
class CondemnFlagged:
    """Failed and purged in one step.

    The library forgets the digest, so that a new upload is judged anew.
    """

    transactions: Transactions

    async def __call__(self, fact: MediaFlagged, cause: Envelope) -> Outcome:
        async with self.transactions.open() as work:
            asset = known_run(await work.assets.lock(AssetId(fact.asset_id)), fact.run)
            outcome = outcome_of(asset, fact, cause)
            if outcome is not Outcome.DUPLICATE:
                await work.library.release(asset.asset_id)
                await work.assets.save(flag(asset).covering(fact, cause), cause)
        return outcome
