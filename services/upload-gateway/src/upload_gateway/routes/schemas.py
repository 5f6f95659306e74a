"""What the status routes answer, and what the event stream says."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from common.events import MediaKind
from upload_gateway.domain.journey import AssetState, Journey
from upload_gateway.domain.telling import Entry, Moving
from upload_gateway.domain.upload import Mode, Part, State, Upload
from upload_gateway.usecases.describe_upload import Described


class StoredPart(BaseModel):
    """A part that the store has."""

    number: int
    size: int


class Renditions(BaseModel):
    """Files made of the original: `ready` and `failed` of `planned` have ended."""

    planned: int
    ready: int
    failed: int


class UploadChange(BaseModel):
    """The upload itself changed. `bytes` of `total` are safe in the store and never shrink.

    `total` is null while the client has not said it; `reason` is a stable code.
    """

    about: Literal["upload"] = "upload"
    upload_id: UUID
    asset_id: UUID
    at: datetime
    state: State
    reason: str | None
    bytes: int
    total: int | None
    duplicate_of: UUID | None


class AssetChange(BaseModel):
    """What became of a stored upload. `rendition` is the one this step is about, if it is one.

    `reason` is that of the step, or of the asset that failed: a stable code.
    """

    about: Literal["asset"] = "asset"
    upload_id: UUID
    asset_id: UUID
    at: datetime
    state: AssetState
    reason: str | None
    rendition: str | None
    renditions: Renditions


Change = Annotated[UploadChange | AssetChange, Field(discriminator="about")]


class AssetStatus(BaseModel):
    """Where the asset stands that a stored upload became."""

    state: AssetState
    reason: str | None
    renditions: Renditions
    ready_at: datetime | None


class UploadStatus(BaseModel):
    """One upload. `bytes` of `total` are safe in the store (`offset` and `length` in tus' words).

    `total` is null while the client has not said it; `size` is set once it is stored, `asset` once
    anything was heard of what is made of it. `reason` says why it was rejected, or why it waits in
    `verifying` for an operator. `receipt` and `timeline` are given by the address of a single
    upload alone; the timeline goes as far back as entries are kept. `parts` are those the store has
    of an open multipart whose bytes go past the gateway; null for all others, and when it cannot be
    told.
    """

    upload_id: UUID
    asset_id: UUID
    kind: MediaKind
    state: State
    reason: str | None
    duplicate_of: UUID | None
    file_name: str | None
    bytes: int
    total: int | None
    offset: int
    length: int | None
    sha256: str | None
    size: int | None
    content_type: str | None
    created_at: datetime
    stored_at: datetime | None
    expires_at: datetime
    asset: AssetStatus | None = None
    receipt: str | None = None
    timeline: list[Change] | None = None
    mode: Mode
    key: str
    parent: str | None
    part_size: int
    parts: list[StoredPart] | None = None


class UploadPage(BaseModel):
    """Newest first; `next` is the cursor of the following page, null on the last."""

    items: list[UploadStatus]
    next: str | None


class Snapshot(BaseModel):
    """All that is unfinished, at the moment from which the stream goes on.

    `missed`: entries are gone that this reader has not seen, so what it knows may be stale. `more`:
    this is not all, ask for the list.
    """

    missed: bool
    more: bool
    uploads: list[UploadStatus]


class MovingUpload(BaseModel):
    """An upload whose bytes arrive, or are read again while it is verified."""

    upload_id: UUID
    asset_id: UUID
    state: State
    bytes: int
    total: int | None


class Progress(BaseModel):
    """How far those uploads are that move now; said at least once a second while any does."""

    uploads: list[MovingUpload]


def described(found: Described) -> UploadStatus:
    status = status_of(found.upload, found.journey)
    status.receipt = found.receipt
    status.parts = _stored(found.parts)
    status.timeline = [change_of(told.entry) for told in found.timeline]
    return status


def status_of(upload: Upload, journey: Journey | None = None) -> UploadStatus:
    return UploadStatus(
        upload_id=upload.id,
        asset_id=upload.asset_id,
        kind=upload.kind,
        state=upload.state,
        reason=upload.reason,
        duplicate_of=upload.duplicate_of,
        file_name=upload.file_name,
        bytes=upload.offset,
        total=upload.length,
        offset=upload.offset,
        length=upload.length,
        sha256=upload.sha256 if upload.stored_at else None,
        size=upload.size,
        content_type=upload.content_type,
        created_at=upload.created_at,
        stored_at=upload.stored_at,
        expires_at=upload.expires_at,
        mode=upload.mode,
        key=upload.key,
        parent=upload.parent,
        part_size=upload.part_size,
        asset=None if journey is None else _asset_of(journey),
    )


def change_of(entry: Entry) -> UploadChange | AssetChange:
    said = asdict(entry)
    if entry.about == "upload":
        return UploadChange(**said)
    counted = Renditions(
        planned=entry.planned or 0, ready=entry.ready or 0, failed=entry.failed or 0
    )
    return AssetChange(**said, renditions=counted)


def progress_of(moving: Sequence[Moving]) -> Progress:
    return Progress(uploads=[MovingUpload(**asdict(one)) for one in moving])


def _asset_of(journey: Journey) -> AssetStatus:
    counted = Renditions(
        planned=journey.planned, ready=journey.count("ready"), failed=journey.count("failed")
    )
    return AssetStatus(
        state=journey.state,
        reason=journey.reason,
        renditions=counted,
        ready_at=journey.ready_at,
    )


def _stored(parts: list[Part] | None) -> list[StoredPart] | None:
    if parts is None:
        return None
    return [StoredPart(number=part.number, size=part.size) for part in parts]
