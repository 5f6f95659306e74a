"""A person's uploads, newest first, page by page."""

from dataclasses import dataclass

from common.ids import AssetId, UserId
from upload_gateway.domain.upload import Upload
from upload_gateway.ports import Ledger


@dataclass(frozen=True, slots=True)
class ListUploads:
    """Pages are cut by key, so depth costs nothing and an insert moves nothing."""

    ledger: Ledger

    async def __call__(
        self, user_id: UserId, after: AssetId | None, limit: int
    ) -> tuple[list[Upload], AssetId | None]:
        """A page and where the next one begins; None when this is the last."""
        found = await self.ledger.page(user_id, after, limit + 1)
        page = found[:limit]
        return page, page[-1].asset_id if len(found) > limit else None
