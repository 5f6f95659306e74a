"""Assets as tests need them: valid in every field, with what matters given by the test."""

from datetime import UTC, datetime
from uuid import UUID

from common.events import AssetState, StoredObject
from common.ids import new_asset_id, new_upload_id
from common.tokens import KeyRing, MediaTokens
from delivery.domain.media import Asset, StoredMedia

OWNER = UUID("0a000000-0000-8000-8000-00000000000a")
MEMBER = UUID("0b000000-0000-8000-8000-00000000000b")
STRANGER = UUID("0c000000-0000-8000-8000-00000000000c")
STORED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
TYPES = {
    "original": "audio/flac",
    "mp3-320": "audio/mpeg",
    "mp3-192": "audio/mpeg",
    "aac-128": "audio/mp4",
    "video-1080": "video/mp4",
    "poster": "image/jpeg",
}
ENDINGS = {"audio/flac": "flac", "audio/mpeg": "mp3", "audio/mp4": "m4a", "video/mp4": "mp4"}
PRIVATE_RING = "p1:" + "private-secret-of-the-tests-" * 2
PUBLIC_RING = "q1:" + "public-secret-of-the-tests-" * 2


def tokens() -> MediaTokens:
    return MediaTokens(KeyRing.parse(PRIVATE_RING), KeyRing.parse(PUBLIC_RING))


def an_asset(
    *,
    asset_id: UUID | None = None,
    kind: str = "audio",
    state: str = "ready",
    visibility: str = "owner",
    generation: int = 1,
    members: tuple[UUID, ...] = (),
    original_policy: str = "on-request",
    renditions: tuple[str, ...] = ("original", "mp3-192"),
    size: int = 1000,
    content_type: str | None = None,
) -> Asset:
    made = asset_id or new_asset_id()
    return Asset(
        asset_id=made,
        owner=OWNER,
        kind=kind,
        state=state,
        visibility=visibility,
        generation=generation,
        members=members,
        original_policy=original_policy,
        stored_at=STORED_AT,
        objects=tuple(stored(made, name, size, content_type) for name in renditions),
    )


def stored(asset_id: UUID, name: str, size: int, content_type: str | None = None) -> StoredMedia:
    type_ = content_type or TYPES.get(name, "image/webp")
    key = f"u/{asset_id}/{name}-00112233445566aa.{ENDINGS.get(type_, 'bin')}"
    return StoredMedia(name, key, size, f"etag-{name}", type_, 12.5)


def state_of(asset: Asset, **changes: object) -> AssetState:
    """The record by which the catalog would tell of the asset."""
    fields: dict[str, object] = {
        "asset_id": asset.asset_id,
        "user_id": asset.owner,
        "upload_id": new_upload_id(),
        "kind": asset.kind,
        "state": asset.state,
        "visibility": asset.visibility,
        "members": asset.members,
        "generation": asset.generation,
        "original_policy": asset.original_policy,
        "stored_at": asset.stored_at,
        "objects": tuple(
            StoredObject(
                rendition=o.rendition,
                key=o.key,
                size=o.size,
                sha256="0" * 64,
                etag=o.etag,
                content_type=o.content_type,
                duration=o.duration,
            )
            for o in asset.objects
        ),
    }
    return AssetState(**(fields | changes))
