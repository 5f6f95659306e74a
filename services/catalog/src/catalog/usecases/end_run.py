"""A processing run is over, or broke before it had a plan."""

from dataclasses import dataclass

from catalog.domain.applied import Outcome, known_run, outcome_of
from catalog.domain.asset import Asset, Change
from catalog.domain.processing import fail_run, finish_run
from catalog.ports import Transactions
from common.events import ProcessingFailed, ProcessingFinished
from common.events.envelope import Envelope
from common.ids import AssetId


@dataclass(frozen=True, slots=True)
class EndRun:
    """Fail an asset that still waits; one that is ready, or runs again, is not moved by it."""

    transactions: Transactions

    async def __call__(
        self, fact: ProcessingFinished | ProcessingFailed, cause: Envelope
    ) -> Outcome:
        async with self.transactions.open() as work:
            asset = known_run(await work.assets.lock(AssetId(fact.asset_id)), fact.run)
            outcome = outcome_of(asset, fact, cause)
            if outcome is not Outcome.DUPLICATE:
                await work.assets.save(_decide(asset, fact).covering(fact, cause), cause)
        return outcome


def _decide(asset: Asset, fact: ProcessingFinished | ProcessingFailed) -> Change:
    if isinstance(fact, ProcessingFailed):
        return fail_run(asset, fact)
    return finish_run(asset, fact)
