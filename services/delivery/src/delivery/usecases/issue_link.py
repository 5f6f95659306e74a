"""A link for somebody who may see the media: permission first, then the tier, then a token."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from common.access import PUBLIC, Viewer, may_stream, may_view
from common.clock import Clock
from common.ids import asset_of_key
from common.tokens import MediaTokens
from delivery.domain import content, tiers
from delivery.domain.admission import token_viewer
from delivery.domain.errors import MediaGone, MediaNotFound, NotConfigured, TierMissing
from delivery.domain.media import Asset, Entry, GoneAsset, StoredMedia
from delivery.ports import ServingIndex

PATIENCE = 2.0  # seconds: the catalog may have told the caller before the record is here
UNFINISHED = frozenset({"uploading", "stored", "processing"})
DEAD = frozenset({"deleted", "purging", "purged", "abandoned"})


@dataclass(frozen=True, slots=True)
class Link:
    """A URL that plays; `expires_at` is None for public media, `etag` quoted as in the header."""

    url: str
    expires_at: datetime | None
    tier: str
    content_type: str
    size: int
    etag: str
    duration: float | None


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """`ttl` of private links; `base` stands before `/m/`, empty: relative to our origin."""

    ttl: timedelta
    base: str
    audio_default: str


@dataclass(frozen=True, slots=True)
class IssueLink:
    """`tokens` None: no key ring is configured and no link can be made."""

    index: ServingIndex
    tokens: MediaTokens | None
    clock: Clock
    policy: LinkPolicy
    patience: float = PATIENCE

    async def __call__(
        self, viewer: Viewer, asset_id: UUID, tier: str | None, *, patience: float | None = None
    ) -> Link:
        """A link to the tier asked for; a fresh one for each call.

        Raises UnknownTier, TierMissing, MediaGone (to those who saw it once), MediaNotFound,
        NotConfigured.
        """

        def pick(asset: Asset) -> StoredMedia:
            return tiers.choose(
                asset,
                tier,
                audio_default=self.policy.audio_default,
                allowed=lambda stored: _may_have(viewer, asset, stored),
            )

        return await self._link(viewer, asset_id, pick, patience)

    async def for_key(self, viewer: Viewer, key: str, *, patience: float | None = None) -> Link:
        """A link to that very object: how a player goes on where its link ran out."""

        def pick(asset: Asset) -> StoredMedia:
            stored = asset.object_of(key)
            if stored is None or not _may_have(viewer, asset, stored):
                raise MediaNotFound("there is no such media")
            return stored

        asset_id = asset_of_key(key)
        if asset_id is None:
            raise MediaNotFound("there is no such media")
        return await self._link(viewer, asset_id, pick, patience)

    async def _link(
        self,
        viewer: Viewer,
        asset_id: UUID,
        pick: Callable[[Asset], StoredMedia],
        patience: float | None,
    ) -> Link:
        until = self.clock.monotonic() + (self.patience if patience is None else patience)
        while True:
            entry = self.index.entry(asset_id)
            left = until - self.clock.monotonic()
            try:
                asset = _visible(viewer, entry)
                return self._sign(viewer, asset, pick(asset))
            except (MediaNotFound, TierMissing):
                # unknown and hidden take the same time: the difference would tell strangers what
                # exists
                if left <= 0 or _settled(viewer, entry):
                    raise
            await self.index.changed(left)

    def _sign(self, viewer: Viewer, asset: Asset, stored: StoredMedia) -> Link:
        if self.tokens is None:
            raise NotConfigured("no key ring is set", retry_after=60)
        if asset.visibility == PUBLIC:
            expires_at = None
            token = self.tokens.public(stored.key, generation=asset.generation)
        else:
            expires_at = (self.clock.now() + self.policy.ttl).replace(microsecond=0)
            token = self.tokens.private(
                stored.key,
                generation=asset.generation,
                viewer=token_viewer(asset, viewer),
                expires_at=expires_at,
            )
        return Link(
            url=f"{self.policy.base}/m/{stored.key}?t={token}",
            expires_at=expires_at,
            tier=stored.rendition,
            content_type=content.served_type(stored.content_type)[0],
            size=stored.size,
            etag=f'"{stored.etag}"',
            duration=stored.duration,
        )


def _visible(viewer: Viewer, entry: Entry | None) -> Asset:
    if isinstance(entry, Asset):
        if may_view(viewer, entry.subject()):
            return entry
        if entry.state in DEAD and (viewer.admin or viewer.user_id == entry.owner):
            raise MediaGone("this media is not available any more")
    if isinstance(entry, GoneAsset) and viewer.admin:
        raise MediaGone("this media is not available any more")
    raise MediaNotFound("there is no such media")


def _settled(viewer: Viewer, entry: Entry | None) -> bool:
    """Whether no record on its way can change the answer."""
    return (
        isinstance(entry, Asset)
        and entry.state not in UNFINISHED
        and may_view(viewer, entry.subject())
    )


def _may_have(viewer: Viewer, asset: Asset, stored: StoredMedia) -> bool:
    return may_stream(viewer, asset.subject(), original=stored.rendition == tiers.ORIGINAL)
