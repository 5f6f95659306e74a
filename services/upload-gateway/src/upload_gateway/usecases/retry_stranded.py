"""Have an upload verified again that waits for an operator."""

from dataclasses import dataclass

from common.ids import AssetId
from upload_gateway.ports.ledger import Ledger


@dataclass(frozen=True, slots=True)
class RetryStranded:
    """Gives its job all its tries again; the workers take it up by themselves."""

    ledger: Ledger

    async def __call__(self, asset_id: AssetId) -> bool:
        """False when it does not wait (any more)."""
        async with self.ledger.change() as tx:
            upload = await tx.locked_of(asset_id)
            if upload is None or upload.state != "verifying" or not await tx.revive(upload):
                return False
            await tx.save(upload.resumed())
        return True
