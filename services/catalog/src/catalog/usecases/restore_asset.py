"""An operator takes a delete back while its grace lasts."""

from dataclasses import dataclass

from catalog.domain.asset import Asset
from catalog.domain.ending import refuse_restore, restore
from catalog.ports import Transactions
from common.errors import NotFound
from common.ids import AssetId


@dataclass(frozen=True, slots=True)
class RestoreAsset:
    """Restoring what lives is the same as nothing.

    What decides is the row: until the sweep took it, it comes back.

    Raises NotFound, Conflict (`upload_unfinished`, `duplicate_of`), VersionMismatch and Gone.
    """

    transactions: Transactions

    async def __call__(self, asset_id: AssetId, *, expected: int | None = None) -> Asset:
        async with self.transactions.open() as work:
            asset = await work.assets.lock(asset_id)
            if asset is None:
                raise NotFound("no such asset")
            asset.check_version(expected)
            change = restore(asset)
            if not change.seen:
                return asset
            winner = await work.library.admit(change.asset)
            if winner != asset_id:
                raise refuse_restore(winner)
            return await work.assets.save(change, None)
