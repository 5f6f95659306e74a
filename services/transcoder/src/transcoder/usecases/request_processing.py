"""ProcessingRequested -> a row and one job; nothing else happens in the consumer."""

from dataclasses import dataclass

from common.events import Envelope, ProcessingRequested
from common.ids import AssetId
from transcoder.domain.processing import begin
from transcoder.ports import Ledger


@dataclass(frozen=True, slots=True)
class RequestProcessing:
    """Heard twice, it does nothing the second time; jobs of the run before are ended."""

    ledger: Ledger

    async def __call__(self, request: ProcessingRequested, envelope: Envelope) -> None:
        async with self.ledger.begin() as transaction:
            asset_id = AssetId(request.asset_id)
            before = await transaction.lock(asset_id)
            if not await transaction.first_time(envelope.id):
                return
            processing = begin(request, envelope, before)
            if processing is None:
                return
            await transaction.cancel(asset_id)
            await transaction.save(processing)
            await transaction.enqueue(processing, [None])
