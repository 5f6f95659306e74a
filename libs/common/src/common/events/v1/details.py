"""The road of names to the catalog (media.details.v1, tombstoned after AssetPurged)."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from common.events.model import StateRecord
from common.events.topics import DETAILS, TRANSCODER, UPLOAD_GATEWAY
from common.events.v1.fields import AssetRef


class UploadDetails(StateRecord):
    """What the client called the file. Key `upload-gateway/<asset_id>`."""

    TOPIC: ClassVar = DETAILS
    TYPE: ClassVar = "reprise.details.upload.v1"
    KEY: ClassVar = "upload-gateway/{asset_id}"
    PRODUCERS: ClassVar = frozenset({UPLOAD_GATEWAY})
    asset_id: AssetRef
    file_name: str | None = Field(default=None, description="as the client named it, sanitised")
    metadata: dict[str, str] = Field(
        default_factory=dict, description="what else the client said, by its own names"
    )


class MediaDetails(StateRecord):
    """What the file says of itself. Key `transcoder/<asset_id>`."""

    TOPIC: ClassVar = DETAILS
    TYPE: ClassVar = "reprise.details.media.v1"
    KEY: ClassVar = "transcoder/{asset_id}"
    PRODUCERS: ClassVar = frozenset({TRANSCODER})
    asset_id: AssetRef
    tags: dict[str, str] = Field(default_factory=dict, description="title, artist, album, …")
    cue: str | None = Field(default=None, description="a cue sheet found in the file")
    captured_at: datetime | None = Field(default=None, description="when a camera took it")
