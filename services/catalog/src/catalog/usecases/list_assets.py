"""Assets page by page, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.domain.states import State
from catalog.ports import AssetFilter, AssetReader, AssetView
from common.ids import AssetId, UserId


@dataclass(frozen=True, slots=True)
class ListAssets:
    """One page of those chosen; None chooses all owners, or all states.

    Ask for one more than is shown: whether it comes tells if there is a next page.
    """

    reader: AssetReader

    async def __call__(
        self,
        *,
        owner: UserId | None,
        states: frozenset[State] | None,
        after: AssetId | None = None,
        limit: int,
    ) -> Sequence[AssetView]:
        chosen = AssetFilter(owner=owner, states=states)
        return await self.reader.page(chosen, after=after, limit=limit)
