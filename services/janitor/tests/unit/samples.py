"""Orders and declarations as tests want them."""

from common.ids import (
    AssetId,
    ObjectKey,
    UploadId,
    new_asset_id,
    new_event_id,
    new_upload_id,
    original_key,
    rendition_key,
    staging_key,
)
from janitor.domain.ledger import Declaration
from janitor.domain.purge_order import Cause, PurgeOrder, Scope


def keys_of(asset_id: AssetId) -> tuple[ObjectKey, ...]:
    """An original and two tiers."""
    return (
        original_key(asset_id, "flac"),
        rendition_key(asset_id, "mp3-192", "mp3"),
        rendition_key(asset_id, "aac-128", "m4a"),
    )


def asset_order(
    asset_id: AssetId | None = None, keys: tuple[ObjectKey, ...] | None = None
) -> PurgeOrder:
    """What AssetPurgeDue asks."""
    asset_id = asset_id or new_asset_id()
    return PurgeOrder(
        asset_id,
        None,
        Scope.ASSET,
        "grace_over",
        keys_of(asset_id) if keys is None else keys,
        Cause(new_event_id(), "reprise.asset.purge-due.v1", "catalog", "root", "00-trace"),
    )


def objects_order(asset_id: AssetId, keys: tuple[ObjectKey, ...]) -> PurgeOrder:
    """What ObjectsPurgeDue asks."""
    cause = Cause(new_event_id(), "reprise.asset.objects-purge-due.v1", "catalog")
    return PurgeOrder(asset_id, None, Scope.OBJECTS, "replaced", keys, cause)


def upload_order() -> PurgeOrder:
    """What the gateway's final fact asks: an original never finished, and a staged tail."""
    asset_id, upload_id = new_asset_id(), new_upload_id()
    keys = (original_key(asset_id, "mp4"), staging_key(upload_id, 0))
    cause = Cause(new_event_id(), "reprise.upload.expired.v1", "upload-gateway")
    return PurgeOrder(asset_id, UploadId(upload_id), Scope.UPLOAD, "expired", keys, cause)


def declaration(asset_id: AssetId, key: ObjectKey | None = None) -> Declaration:
    """One object of the asset, declared by the transcoder."""
    return Declaration(
        key or rendition_key(asset_id, "mp3-192", "mp3"), asset_id, "transcoder", new_event_id()
    )
