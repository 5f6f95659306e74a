"""What one asset is now, for those who may know."""

from dataclasses import dataclass

from catalog.domain.viewing import check_readable
from catalog.ports import AssetReader, AssetView
from common.access import Viewer
from common.errors import NotFound
from common.ids import AssetId


@dataclass(frozen=True, slots=True)
class DescribeAsset:
    """A losing duplicate's id answers with the asset that stands for it.

    Raises NotFound and Gone.
    """

    reader: AssetReader

    async def __call__(self, asset_id: AssetId, viewer: Viewer) -> AssetView:
        view = await self.reader.find(asset_id)
        if view is not None and view.asset.duplicate_of is not None:
            view = await self.reader.find(view.asset.duplicate_of)
        check_readable(view.asset if view else None, viewer)
        if view is None:
            raise NotFound("no such asset")
        return view
