"""Assets as documents: what is shown of a row, and which of its renditions."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from catalog.domain.rendition import Rendition, RenditionState
from catalog.ports import AssetView
from catalog.routes.schemas import AdminAssetDocument, AssetDocument, RenditionDocument


def document(view: AssetView) -> AssetDocument:
    """The document of an asset for its owner."""
    return AssetDocument(**_fields(view))


def admin_document(view: AssetView) -> AdminAssetDocument:
    """The document of an asset for operators."""
    return AdminAssetDocument(user_id=view.asset.user_id, **_fields(view))


def _fields(view: AssetView) -> dict[str, Any]:
    asset, original, media = view.asset, view.asset.original, view.asset.media
    return {
        "asset_id": asset.asset_id,
        "upload_id": asset.upload_id,
        "state": asset.state,
        "reason": asset.reason,
        "kind": asset.kind,
        "file_name": view.file_name,
        "tags": dict(view.tags),
        "size": original.size if original else None,
        "sha256": original.sha256 if original else None,
        "content_type": original.content_type if original else None,
        "duration": media.duration if media else None,
        "width": media.width if media else None,
        "height": media.height if media else None,
        "created_at": asset.created_at,
        "stored_at": asset.stored_at,
        "ready_at": asset.ready_at,
        "deleted_at": asset.deleted_at,
        "restorable_until": asset.restorable_until,
        "generation": asset.generation,
        "visibility": asset.visibility,
        "run": asset.run_id,
        "renditions": [_rendition(item) for item in shown(view)],
    }


def shown(view: AssetView) -> Sequence[Rendition]:
    """One rendition of each name.

    A playable one if any run made it, else what the current run says.
    """
    run = view.asset.run_id
    best: dict[str, Rendition] = {}
    for item in sorted(view.asset.renditions, key=lambda found: _rank(found, run)):
        if _ready(item) or (item.run == run and item.state is not RenditionState.CONDEMNED):
            best.setdefault(item.name, item)
    return [best[name] for name in sorted(best)]


def _rank(item: Rendition, run: UUID | None) -> tuple[bool, bool]:
    return not _ready(item), item.run != run


def _ready(item: Rendition) -> bool:
    return item.state is RenditionState.READY


def _rendition(item: Rendition) -> RenditionDocument:
    output, media = item.output, item.output.media if item.output else None
    return RenditionDocument(
        name=item.name,
        state=item.state,
        required=item.required,
        reason=item.reason,
        key=output.key if output else None,
        codec=media.codec if media else None,
        bit_rate=media.bit_rate if media else None,
        size=output.size if output else None,
        duration=media.duration if media else None,
        width=media.width if media else None,
        height=media.height if media else None,
        content_type=output.content_type if output else None,
        ready_at=item.ready_at,
    )
