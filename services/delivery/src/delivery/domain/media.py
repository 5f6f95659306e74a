"""What delivery knows of an asset: exactly what is needed to decide and to answer, and no names."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.access import VISIBLE_STATES, Subject

KINDS = frozenset({"audio", "image", "video", "avatar"})
STATES = VISIBLE_STATES | {"uploading", "failed", "abandoned", "deleted", "purging", "purged"}
VISIBILITIES = frozenset({"public", "circle", "owner"})


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """One object that may be served; `etag` is the store's, unquoted, `duration` in seconds."""

    rendition: str
    key: str
    size: int
    etag: str
    content_type: str
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset as the catalog last told it.

    `stored_at` stands for the last change of each of its objects.
    """

    asset_id: UUID
    owner: UUID
    kind: str
    state: str
    visibility: str
    generation: int
    members: tuple[UUID, ...] = ()
    original_policy: str = "on-request"
    stored_at: datetime | None = None
    objects: tuple[StoredMedia, ...] = ()

    def subject(self) -> Subject:
        """The asset as the permission rule looks at it."""
        return Subject(
            owner=self.owner,
            state=self.state,
            visibility=self.visibility,
            members=self.members,
            original_policy=self.original_policy,
        )

    def living(self) -> bool:
        """Whether anybody at all may see it."""
        return self.state in VISIBLE_STATES

    def object_of(self, key: str) -> StoredMedia | None:
        """The object with that key."""
        return next((stored for stored in self.objects if stored.key == key), None)


@dataclass(frozen=True, slots=True)
class GoneAsset:
    """A tombstone was read: the asset existed and will not come back."""

    asset_id: UUID


@dataclass(frozen=True, slots=True)
class DeniedAsset:
    """A record that this version cannot judge: nobody gets anything until a newer one reads it."""

    asset_id: UUID
    reason: str


Entry = Asset | GoneAsset | DeniedAsset


@dataclass(frozen=True, slots=True)
class Change:
    """One state record about an asset; it counts only if its sequence is higher than the last."""

    sequence: int
    entry: Entry
