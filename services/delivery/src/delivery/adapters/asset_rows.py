"""Entries of the index as rows: compact, and cheap to read on the way of a request."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from delivery.domain.media import Asset, Change, DeniedAsset, Entry, GoneAsset, StoredMedia

Row = tuple[bytes, int, str, bytes]  # asset_id, sequence, standing, body

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def to_row(change: Change) -> Row:
    """The row of a change."""
    match change.entry:
        case Asset() as asset:
            standing, body = "known", _encode(_packed(asset))
        case DeniedAsset(_, reason):
            standing, body = "denied", reason.encode()
        case _:
            standing, body = "gone", b""
    return change.entry.asset_id.bytes, change.sequence, standing, body


def to_entry(asset_id: UUID, standing: str, body: bytes) -> Entry:
    """The entry of a row."""
    if standing == "known":
        return _unpacked(asset_id, _decode(body))
    if standing == "denied":
        return DeniedAsset(asset_id, body.decode())
    return GoneAsset(asset_id)


def _packed(asset: Asset) -> tuple[Any, ...]:
    return (
        asset.owner.bytes,
        asset.kind,
        asset.state,
        asset.visibility,
        asset.generation,
        [member.bytes for member in asset.members],
        asset.original_policy,
        asset.stored_at.timestamp() if asset.stored_at else None,
        [(o.rendition, o.key, o.size, o.etag, o.content_type, o.duration) for o in asset.objects],
    )


def _unpacked(asset_id: UUID, fields: list[Any]) -> Asset:
    owner, kind, state, visibility, generation, members, policy, stored_at, objects = fields
    return Asset(
        asset_id=asset_id,
        owner=UUID(bytes=owner),
        kind=kind,
        state=state,
        visibility=visibility,
        generation=generation,
        members=tuple(UUID(bytes=member) for member in members),
        original_policy=policy,
        stored_at=None if stored_at is None else datetime.fromtimestamp(stored_at, UTC),
        objects=tuple(StoredMedia(*stored) for stored in objects),
    )
