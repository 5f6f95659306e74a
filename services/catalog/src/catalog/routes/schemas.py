"""Response and request models: what clients see of an asset."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from catalog.domain.rendition import RenditionState
from catalog.domain.states import State

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class RenditionDocument(BaseModel):
    """One thing made, or to be made, of an original.

    Sizes in bytes, times in seconds, rates in bit/s.
    """

    name: str
    state: RenditionState
    required: bool
    reason: str | None
    key: str | None
    codec: str | None
    bit_rate: int | None
    size: int | None
    duration: float | None
    width: int | None
    height: int | None
    content_type: str | None
    ready_at: datetime | None


class AssetDocument(BaseModel):
    """An asset. `reason` says why it failed, was abandoned or is being purged."""

    asset_id: UUID
    upload_id: UUID
    state: State
    reason: str | None
    kind: str
    file_name: str | None
    tags: dict[str, str]
    size: int | None
    sha256: str | None
    content_type: str | None
    duration: float | None
    width: int | None
    height: int | None
    created_at: datetime
    stored_at: datetime | None
    ready_at: datetime | None
    deleted_at: datetime | None
    restorable_until: datetime | None
    generation: int
    visibility: str
    run: UUID | None
    renditions: list[RenditionDocument]


class AdminAssetDocument(AssetDocument):
    """The same with what only operators see."""

    user_id: UUID


class AssetPage(BaseModel):
    """Newest first; `next_cursor` is null on the last page."""

    items: list[AssetDocument]
    next_cursor: str | None


class AdminAssetPage(BaseModel):
    """Newest first; `next_cursor` is null on the last page."""

    items: list[AdminAssetDocument]
    next_cursor: str | None


class LookupRequest(BaseModel):
    """Digests to look for in the caller's own library."""

    sha256: list[Digest] = Field(min_length=1, max_length=1000)


class LookupAnswer(BaseModel):
    """One digest asked for; `asset_id` is null when it may be uploaded."""

    sha256: str
    asset_id: UUID | None


class LookupResponse(BaseModel):
    """One answer for each digest, in the order asked."""

    items: list[LookupAnswer]
