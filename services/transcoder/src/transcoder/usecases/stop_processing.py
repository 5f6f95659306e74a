"""A deleted asset's jobs end at once: for good when it is purged, else until it is restored."""

from dataclasses import dataclass

from common.events import AssetDeleted, AssetPurgeDue, Envelope
from common.ids import AssetId
from transcoder.domain.life import Word
from transcoder.ports import Ledger


@dataclass(frozen=True, slots=True)
class StopProcessing:
    """A running encoder is killed as soon as its worker finds the lease gone."""

    ledger: Ledger

    async def __call__(self, event: AssetDeleted | AssetPurgeDue, envelope: Envelope) -> None:
        asset_id = AssetId(event.asset_id)
        async with self.ledger.begin() as transaction:
            for_good = isinstance(event, AssetPurgeDue)
            before = await transaction.life(asset_id)
            said = before.after(Word.DELETED, envelope.sequence)
            life = said.ended() if for_good else said
            if not await transaction.first_time(envelope.id) or life == before:
                return  # heard before, or the asset came back since
            await transaction.keep_life(asset_id, life)
            processing = await transaction.lock(asset_id)
            if processing is None:
                return
            await transaction.cancel(asset_id)
            await transaction.save(processing.gone() if for_good else processing.stopped())
