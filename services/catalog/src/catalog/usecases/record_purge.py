"""The janitor reports on one object; only the end of the whole purge changes an asset."""

from dataclasses import dataclass

from catalog.domain.applied import Outcome, known, outcome_of
from catalog.domain.asset import nothing
from catalog.ports import Transactions
from common.events import ObjectPurged, PurgeFailed
from common.events.envelope import Envelope
from common.ids import AssetId


@dataclass(frozen=True, slots=True)
class RecordPurge:
    """Remember that it was read, so that the sequence of the topic has no gaps."""

    transactions: Transactions

    async def __call__(self, fact: ObjectPurged | PurgeFailed, cause: Envelope) -> Outcome:
        async with self.transactions.open() as work:
            asset = known(await work.assets.lock(AssetId(fact.asset_id)))
            outcome = outcome_of(asset, fact, cause)
            if outcome is not Outcome.DUPLICATE:
                await work.assets.save(nothing(asset).covering(fact, cause), cause)
        return outcome
