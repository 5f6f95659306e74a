"""A person's uploads, newest first, page by page."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from common.ids import AssetId, UserId
from upload_gateway.domain.journey import Journey
from upload_gateway.domain.upload import State, Upload
from upload_gateway.ports.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Page:
    """Some uploads, what became of their assets, and where the next page begins.

    `next` is None when this is the last one.
    """

    uploads: Sequence[Upload]
    journeys: Mapping[AssetId, Journey]
    next: AssetId | None


@dataclass(frozen=True, slots=True)
class ListUploads:
    """Pages are cut by key, so depth costs nothing and an insert moves nothing."""

    ledger: Ledger

    async def __call__(
        self, user_id: UserId, after: AssetId | None, limit: int, states: Collection[State] = ()
    ) -> Page:
        """`states` are those that are wanted; empty means all."""
        found = await self.ledger.page(user_id, after, limit + 1, states)
        page = found[:limit]
        journeys = await self.ledger.journeys([upload.asset_id for upload in page])
        return Page(page, journeys, page[-1].asset_id if len(found) > limit else None)
