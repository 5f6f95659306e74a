"""A deleted asset's jobs end at once: for good when it is purged, else until it is restored."""

from dataclasses import dataclass

from common.events import AssetDeleted, AssetPurgeDue, Envelope
from common.ids import AssetId
from transcoder.ports import Ledger


@dataclass(frozen=True, slots=True)
class StopProcessing:
    """A running encoder is killed as soon as its worker finds the lease gone."""

    ledger: Ledger

    async def __call__(self, event: AssetDeleted | AssetPurgeDue, envelope: Envelope) -> None:
        asset_id = AssetId(event.asset_id)
        async with self.ledger.begin() as transaction:
            processing = await transaction.lock(asset_id)
            if processing is None or not await transaction.first_time(envelope.id):
                return
            await transaction.cancel(asset_id)
            for_good = isinstance(event, AssetPurgeDue)
            await transaction.save(processing.gone() if for_good else processing.stopped())
