"""Assets page by page, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.domain.states import State
from catalog.domain.viewing import LISTED
from catalog.ports import AssetFilter, AssetReader, AssetView
from common.ids import AssetId, UserId


@dataclass(frozen=True, slots=True)
class ListAssets:
    """One page of an owner's assets without the dead ones, or of everybody's in any state.

    Ask for one more than is shown: whether it comes tells if there is a next page.
    """

    reader: AssetReader

    async def __call__(
        self,
        *,
        owner: UserId | None,
        state: State | None = None,
        after: AssetId | None = None,
        limit: int,
    ) -> Sequence[AssetView]:
        states = frozenset({state}) if state else (LISTED if owner is not None else None)
        return await self.reader.page(
            AssetFilter(owner=owner, states=states), after=after, limit=limit
        )
