"""The road of names to the catalog (media.details.v1, tombstoned after AssetPurged)."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from common.events.model import StateRecord
from common.events.topics import DETAILS


class UploadDetails(StateRecord):
    """What the client called the file. Key `upload-gateway/<asset_id>`."""

    TOPIC: ClassVar = DETAILS
    TYPE: ClassVar = "reprise.details.upload.v1"
    asset_id: UUID
    file_name: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class MediaDetails(StateRecord):
    """What the file says of itself. Key `transcoder/<asset_id>`."""

    TOPIC: ClassVar = DETAILS
    TYPE: ClassVar = "reprise.details.media.v1"
    asset_id: UUID
    tags: dict[str, str] = Field(default_factory=dict)
    cue: str | None = None
    captured_at: datetime | None = None
