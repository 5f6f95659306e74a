"""One rendition exists, or never will."""

from dataclasses import dataclass

from catalog.domain.applied import Outcome, known_run, outcome_of
from catalog.domain.asset import Asset, Change
from catalog.domain.processing import record_failed, record_ready
from catalog.ports import Transactions
from common.events import RenditionFailed, RenditionReady
from common.events.envelope import Envelope
from common.ids import AssetId

RenditionEnd = RenditionReady | RenditionFailed


@dataclass(frozen=True, slots=True)
class RecordRendition:
    """Keep it, and say ready or failed when it was the one that decides.

    A dead asset's object is condemned.
    """

    transactions: Transactions

    async def __call__(self, fact: RenditionEnd, cause: Envelope) -> Outcome:
        async with self.transactions.open() as work:
            asset = known_run(await work.assets.lock(AssetId(fact.asset_id)), fact.run)
            outcome = outcome_of(asset, fact, cause)
            if outcome is not Outcome.DUPLICATE:
                await work.assets.save(_decide(asset, fact, cause).covering(fact, cause), cause)
        return outcome


def _decide(asset: Asset, fact: RenditionEnd, cause: Envelope) -> Change:
    if isinstance(fact, RenditionReady):
        return record_ready(asset, fact, at=cause.time)
    return record_failed(asset, fact, at=cause.time)
