"""A job that used up its tries ends its step, or its run, with the fact that says so."""

from dataclasses import dataclass

from common.events import ProcessingFailed, RenditionFailed
from transcoder.domain.claim import Claim
from transcoder.domain.processing import Processing
from transcoder.ports import Ledger, Transaction


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The dead row stays for an operator to look at; the asset does not wait for it."""

    ledger: Ledger

    async def __call__(self, claim: Claim, reason: str) -> None:
        async with self.ledger.begin() as transaction:
            processing = await transaction.lock(claim.asset_id)
            await transaction.bury(claim, reason)
            if processing is None or not processing.is_running(claim.run):
                return
            await transaction.save(await _ended(transaction, processing, claim, reason))


async def _ended(
    transaction: Transaction, processing: Processing, claim: Claim, reason: str
) -> Processing:
    if claim.rendition is None:
        failed = ProcessingFailed(asset_id=claim.asset_id, run=claim.run, reason=reason)
        return (await transaction.publish(processing, failed)).ended()
    fact = RenditionFailed(
        asset_id=claim.asset_id, run=claim.run, rendition=claim.rendition, reason=reason
    )
    processing = await transaction.publish(processing.after(fact), fact)
    if finished := processing.finished():
        processing = (await transaction.publish(processing, finished)).ended()
    return processing
