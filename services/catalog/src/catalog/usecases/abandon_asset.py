"""An upload ended without bytes to keep."""

from dataclasses import dataclass

from catalog.domain.applied import Outcome, outcome_of
from catalog.domain.registering import EndedUpload, abandon, expected
from catalog.ports import Transactions
from common.events.envelope import Envelope


@dataclass(frozen=True, slots=True)
class AbandonAsset:
    """Close the row with the reason the gateway gave.

    Its fact is itself the permission to delete the bytes.
    """

    transactions: Transactions

    async def __call__(self, fact: EndedUpload, cause: Envelope) -> Outcome:
        async with self.transactions.open() as work:
            asset = await work.assets.lock_or_create(expected(fact, at=cause.time))
            outcome = outcome_of(asset, fact, cause)
            if outcome is not Outcome.DUPLICATE:
                await work.assets.save(abandon(asset, fact).covering(fact, cause), cause)
        return outcome
