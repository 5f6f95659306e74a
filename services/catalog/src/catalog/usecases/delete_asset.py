"""An operator deletes an asset: hidden at once, restorable for the grace."""

from dataclasses import dataclass
from datetime import timedelta

from catalog.domain.asset import Asset
from catalog.domain.ending import delete
from catalog.ports import Transactions
from common.errors import NotFound
from common.ids import AssetId


@dataclass(frozen=True, slots=True)
class DeleteAsset:
    """Deleting twice is the same as once.

    `expected` is the version the caller has seen, None for any.

    Raises NotFound, Conflict (`upload_unfinished`), VersionMismatch and Gone.
    """

    transactions: Transactions
    grace: timedelta

    async def __call__(self, asset_id: AssetId, *, expected: int | None = None) -> Asset:
        async with self.transactions.open() as work:
            asset = await work.assets.lock(asset_id)
            if asset is None:
                raise NotFound("no such asset")
            asset.check_version(expected)
            change = delete(asset, now=await work.now(), grace=self.grace)
            if not change.seen:
                return asset
            await work.library.release(asset_id)
            return await work.assets.save(change, None)
