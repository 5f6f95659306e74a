"""Assets and renditions to rows and back; no decision is made here."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import RowMapping

from catalog.domain.asset import Asset, Original
from catalog.domain.rendition import Output, Rendition, RenditionState
from catalog.domain.states import State
from common.events import MediaFacts
from common.ids import AssetId, UploadId, UserId

# columns that carry a field of the same name and type
_PLAIN = (
    "kind", "key", "reason", "run", "planned", "visibility", "original_policy", "generation",
    "created_at", "stored_at", "ready_at", "deleted_at", "restorable_until",
    "facts", "records", "version",
)  # fmt: skip


def to_row(asset: Asset) -> dict[str, Any]:
    """The row of an asset, without its renditions."""
    original = asset.original
    return {name: getattr(asset, name) for name in _PLAIN} | {
        "asset_id": asset.asset_id,
        "user_id": asset.user_id,
        "upload_id": asset.upload_id,
        "state": asset.state.value,
        "state_before": asset.state_before.value if asset.state_before else None,
        "duplicate_of": asset.duplicate_of,
        "size": original.size if original else None,
        "sha256": original.sha256 if original else None,
        "etag": original.etag if original else None,
        "content_type": original.content_type if original else None,
        "media": _media_out(asset.media),
        "applied": dict(asset.applied),
    }


def from_rows(row: RowMapping, renditions: Iterable[RowMapping]) -> Asset:
    """The asset of a row and the rows of its renditions."""
    return Asset(
        asset_id=AssetId(row["asset_id"]),
        user_id=UserId(row["user_id"]),
        upload_id=UploadId(row["upload_id"]),
        state=State(row["state"]),
        state_before=State(row["state_before"]) if row["state_before"] else None,
        duplicate_of=AssetId(row["duplicate_of"]) if row["duplicate_of"] else None,
        original=_original(row),
        media=_media_in(row["media"]),
        renditions=tuple(_rendition(item) for item in renditions),
        applied=row["applied"],
        **{name: row[name] for name in _PLAIN},
    )


def to_rendition_rows(asset: Asset) -> list[dict[str, Any]]:
    """The rows of all renditions of an asset."""
    return [_rendition_row(asset.asset_id, item) for item in asset.renditions]


def _rendition_row(asset_id: AssetId, item: Rendition) -> dict[str, Any]:
    output = item.output
    return {
        "asset_id": asset_id,
        "run": item.run,
        "name": item.name,
        "profile": item.profile,
        "required": item.required,
        "state": item.state.value,
        "reason": item.reason,
        "key": output.key if output else None,
        "size": output.size if output else None,
        "sha256": output.sha256 if output else None,
        "etag": output.etag if output else None,
        "content_type": output.content_type if output else None,
        "media": _media_out(output.media) if output else None,
        "ready_at": item.ready_at,
    }


def _rendition(row: RowMapping) -> Rendition:
    return Rendition(
        run=row["run"],
        name=row["name"],
        profile=row["profile"],
        required=row["required"],
        state=RenditionState(row["state"]),
        reason=row["reason"],
        output=_output(row),
        ready_at=row["ready_at"],
    )


def _original(row: RowMapping) -> Original | None:
    if row["sha256"] is None:
        return None
    return Original(
        size=row["size"],
        sha256=row["sha256"],
        etag=row["etag"],
        content_type=row["content_type"],
    )


def _output(row: RowMapping) -> Output | None:
    if row["key"] is None:
        return None
    return Output(
        key=row["key"],
        size=row["size"],
        sha256=row["sha256"],
        etag=row["etag"],
        content_type=row["content_type"],
        media=MediaFacts.model_validate(row["media"]),
    )


def _media_out(media: MediaFacts | None) -> dict[str, Any] | None:
    return media.model_dump(exclude_none=True) if media else None


def _media_in(value: Any) -> MediaFacts | None:
    return MediaFacts.model_validate(value) if value is not None else None
