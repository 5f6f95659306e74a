"""The transcoder measured the original and said what it will make."""

from dataclasses import dataclass

from catalog.domain.applied import Outcome, known_run, outcome_of
from catalog.domain.processing import record_plan
from catalog.ports import Transactions
from common.events import MediaProbed
from common.events.envelope import Envelope
from common.ids import AssetId


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """Keep the measures and the plan.

    A plan that requires nothing makes the asset ready at once.
    """

    transactions: Transactions

    async def __call__(self, fact: MediaProbed, cause: Envelope) -> Outcome:
        async with self.transactions.open() as work:
            asset = known_run(await work.assets.lock(AssetId(fact.asset_id)), fact.run)
            outcome = outcome_of(asset, fact, cause)
            if outcome is not Outcome.DUPLICATE:
                change = record_plan(asset, fact, at=cause.time)
                await work.assets.save(change.covering(fact, cause), cause)
        return outcome
