"""ProcessingRequested -> a row and one job; nothing else happens in the consumer."""

from dataclasses import dataclass

from common.events import Envelope, ProcessingRequested
from common.ids import AssetId
from transcoder.domain.life import Word
from transcoder.domain.processing import begin
from transcoder.ports import Ledger


@dataclass(frozen=True, slots=True)
class RequestProcessing:
    """Heard twice, it does nothing the second time; jobs of the run before are ended.

    Heard late, it does what the later facts left of it: nothing for an asset that is gone or has a
    newer run, a stopped run for one that was deleted meanwhile.
    """

    ledger: Ledger

    async def __call__(self, request: ProcessingRequested, envelope: Envelope) -> None:
        async with self.ledger.begin() as transaction:
            asset_id = AssetId(request.asset_id)
            life = (await transaction.life(asset_id)).after(Word.ALIVE, envelope.sequence)
            before = await transaction.lock(asset_id)
            if not await transaction.first_time(envelope.id) or life.word is Word.GONE:
                return
            await transaction.keep_life(asset_id, life)
            processing = begin(request, envelope, before)
            if processing is None:
                return
            await transaction.cancel(asset_id)
            if life.word is Word.DELETED:
                await transaction.save(processing.stopped())
                return
            await transaction.save(processing)
            await transaction.enqueue(processing, [None])
