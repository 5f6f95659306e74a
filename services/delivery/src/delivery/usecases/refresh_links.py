"""Fresh links for up to a hundred keys or assets at once, each answered alone (protocols.md 2)."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from uuid import UUID

from common.access import Viewer
from common.errors import RepriseError
from delivery.usecases.issue_link import IssueLink, Link


@dataclass(frozen=True, slots=True)
class Refreshed:
    """One answer: a link, or why there is none. `asked` is the key or asset id as it was given."""

    asked: str
    link: Link | None = None
    refusal: RepriseError | None = None


@dataclass(frozen=True, slots=True)
class RefreshLinks:
    """Nothing is waited for: what is refreshed has been playing already."""

    issue_link: IssueLink

    async def __call__(
        self, viewer: Viewer, *, keys: Sequence[str], assets: Sequence[UUID], tier: str | None
    ) -> list[Refreshed]:
        """Keys first, then assets, in the order given."""
        by_key = [await _one(key, self.issue_link.for_key(viewer, key, patience=0)) for key in keys]
        by_asset = [
            await _one(str(asset), self.issue_link(viewer, asset, tier, patience=0))
            for asset in assets
        ]
        return by_key + by_asset


async def _one(asked: str, link: Awaitable[Link]) -> Refreshed:
    try:
        return Refreshed(asked, link=await link)
    except RepriseError as error:
        return Refreshed(asked, refusal=error)
