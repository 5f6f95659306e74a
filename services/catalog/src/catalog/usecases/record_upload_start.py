"""An upload began: its asset has a row before a byte of it is promised."""

from dataclasses import dataclass

from catalog.domain.applied import Outcome, outcome_of
from catalog.domain.asset import nothing
from catalog.domain.registering import expected
from catalog.ports import Transactions
from common.events import UploadStarted
from common.events.envelope import Envelope


@dataclass(frozen=True, slots=True)
class RecordUploadStart:
    """Insert the row; any other fact of the upload that came first has done so already."""

    transactions: Transactions

    async def __call__(self, fact: UploadStarted, cause: Envelope) -> Outcome:
        async with self.transactions.open() as work:
            asset = await work.assets.lock_or_create(expected(fact, at=cause.time))
            outcome = outcome_of(asset, fact, cause)
            if outcome is not Outcome.DUPLICATE:
                await work.assets.save(nothing(asset).covering(fact, cause), cause)
        return outcome
