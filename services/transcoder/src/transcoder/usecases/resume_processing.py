"""A restored asset's unfinished run goes on where it was stopped."""

from dataclasses import dataclass

from common.events import AssetRestored, Envelope
from common.ids import AssetId
from transcoder.domain.processing import RunState
from transcoder.ports import Ledger


@dataclass(frozen=True, slots=True)
class ResumeProcessing:
    """Renditions that were ready stay; what was open gets new jobs."""

    ledger: Ledger

    async def __call__(self, event: AssetRestored, envelope: Envelope) -> None:
        async with self.ledger.begin() as transaction:
            processing = await transaction.lock(AssetId(event.asset_id))
            if processing is None or not await transaction.first_time(envelope.id):
                return
            if processing.state is not RunState.STOPPED:
                return
            processing = processing.resumed()
            await transaction.save(processing)
            await transaction.enqueue(processing, processing.open_steps() or [None])
