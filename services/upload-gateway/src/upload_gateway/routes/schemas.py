"""What the status routes answer."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from common.events import MediaKind
from upload_gateway.domain.upload import Mode, Part, State, Upload


class StoredPart(BaseModel):
    """A part that the store has."""

    number: int
    size: int


class UploadStatus(BaseModel):
    """One upload. `offset`, `length` and `size` are bytes; `reason` is set when it was rejected.

    `length` is null while the client has not said it. `parts` are those the store has of an open
    multipart whose bytes go past the gateway; null for all others, and when it cannot be told.
    """

    upload_id: UUID
    asset_id: UUID
    kind: MediaKind
    state: State
    reason: str | None
    duplicate_of: UUID | None
    file_name: str | None
    offset: int
    length: int | None
    sha256: str | None
    size: int | None
    content_type: str | None
    created_at: datetime
    stored_at: datetime | None
    expires_at: datetime
    receipt: str | None = None
    mode: Mode
    key: str
    parent: str | None
    part_size: int
    parts: list[StoredPart] | None = None


class UploadPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    items: list[UploadStatus]
    next: str | None


def status_of(
    upload: Upload, receipt: str | None = None, parts: list[Part] | None = None
) -> UploadStatus:
    return UploadStatus(
        upload_id=upload.id,
        asset_id=upload.asset_id,
        kind=upload.kind,
        state=upload.state,
        reason=upload.reason,
        duplicate_of=upload.duplicate_of,
        file_name=upload.file_name,
        offset=upload.offset,
        length=upload.length,
        sha256=upload.sha256 if upload.stored_at else None,
        size=upload.size,
        content_type=upload.content_type,
        created_at=upload.created_at,
        stored_at=upload.stored_at,
        expires_at=upload.expires_at,
        receipt=receipt,
        mode=upload.mode,
        key=upload.key,
        parent=upload.parent,
        part_size=upload.part_size,
        parts=_stored(parts),
    )


def _stored(parts: list[Part] | None) -> list[StoredPart] | None:
    if parts is None:
        return None
    return [StoredPart(number=part.number, size=part.size) for part in parts]
