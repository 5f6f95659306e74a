"""AssetPurged -> the tombstone of what the file said of itself (design §3.

Names leave with the asset).
"""

from dataclasses import dataclass

from common.events import AssetPurged, Envelope
from common.ids import AssetId
from transcoder.ports import Ledger


@dataclass(frozen=True, slots=True)
class ForgetDetails:
    """An asset without a details record needs no tombstone, and never gets one any more."""

    ledger: Ledger

    async def __call__(self, event: AssetPurged, envelope: Envelope) -> None:
        asset_id = AssetId(event.asset_id)
        async with self.ledger.begin() as transaction:
            life = await transaction.life(asset_id)
            await transaction.keep_life(asset_id, life.ended())
            processing = await transaction.lock(asset_id)
            if processing is None or not await transaction.first_time(envelope.id):
                return
            processing = processing.gone()
            if processing.details_sequence:
                processing = await transaction.describe(processing, None)
            await transaction.save(processing)
