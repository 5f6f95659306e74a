"""Let the name and the size of a purged asset go: from the ledger, and from its topic."""

from dataclasses import dataclass, replace

from common.clock import Clock
from common.ids import AssetId
from upload_gateway.domain.facts import unnamed
from upload_gateway.ports.ledger import Ledger


@dataclass(frozen=True, slots=True)
class ForgetName:
    """Twice is once: an upload without a name has nothing left to forget (design §3)."""

    ledger: Ledger
    clock: Clock

    async def __call__(self, asset_id: AssetId) -> None:
        async with self.ledger.change() as tx:
            upload = await tx.locked_of(asset_id)
            if upload is None:
                return
            await tx.purged(upload.id)
            if upload.file_name is None:
                return
            upload = replace(upload, details_sequence=upload.details_sequence + 1)
            await tx.publish(unnamed(upload, self.clock))
            await tx.save(replace(upload, file_name=None, metadata=""))
