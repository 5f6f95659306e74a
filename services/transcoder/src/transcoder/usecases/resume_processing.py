"""A restored asset's unfinished run goes on where it was stopped."""

from dataclasses import dataclass

from common.events import AssetRestored, Envelope
from common.ids import AssetId
from transcoder.domain.life import Word
from transcoder.domain.processing import RunState
from transcoder.ports import Ledger


@dataclass(frozen=True, slots=True)
class ResumeProcessing:
    """Renditions that were ready stay; what was open gets new jobs."""

    ledger: Ledger

    async def __call__(self, event: AssetRestored, envelope: Envelope) -> None:
        asset_id = AssetId(event.asset_id)
        async with self.ledger.begin() as transaction:
            before = await transaction.life(asset_id)
            life = before.after(Word.ALIVE, envelope.sequence)
            if not await transaction.first_time(envelope.id) or life == before:
                return  # heard before, or the asset was deleted again since
            await transaction.keep_life(asset_id, life)
            processing = await transaction.lock(asset_id)
            if processing is None or processing.state is not RunState.STOPPED:
                return
            processing = processing.resumed()
            await transaction.save(processing)
            await transaction.enqueue(processing, processing.open_steps() or [None])
