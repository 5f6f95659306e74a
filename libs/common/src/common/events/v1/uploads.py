"""Facts of the upload gateway: what became of an upload (topic media.uploads.v1, key asset_id)."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from common.events.model import Fact
from common.events.topics import UPLOADS

MediaKind = Literal["audio", "image", "video", "avatar"]


class UploadFact(Fact):
    """What all facts about an upload say."""

    TOPIC: ClassVar = UPLOADS
    asset_id: UUID
    upload_id: UUID
    user_id: UUID
    kind: MediaKind


class UploadStarted(UploadFact):
    """An upload was accepted; no byte is promised yet. `key` is where its bytes will be."""

    TYPE: ClassVar = "reprise.upload.started.v1"
    key: str
    declared_size: int | None = Field(default=None, ge=0, description="bytes")
    declared_type: str | None = None


class UploadCompleted(UploadFact):
    """The bytes are stored, counted, sniffed and hashed; `etag` is the store's, unquoted."""

    TYPE: ClassVar = "reprise.upload.completed.v1"
    key: str
    size: int = Field(ge=0, description="bytes")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    etag: str
    content_type: str
    parent: str | None = None


class EndedUpload(UploadFact):
    """An upload that ended without an asset; `keys` may be deleted on this word."""

    keys: tuple[str, ...] = ()


class UploadRejected(EndedUpload):
    """What arrived may not be kept; `reason` is a stable code."""

    TYPE: ClassVar = "reprise.upload.rejected.v1"
    reason: str


class UploadAborted(EndedUpload):
    """The client gave it up before it was whole."""

    TYPE: ClassVar = "reprise.upload.aborted.v1"


class UploadExpired(EndedUpload):
    """Nobody finished it in time."""

    TYPE: ClassVar = "reprise.upload.expired.v1"


class UploadWithdrawn(UploadFact):
    """The client ended a finished upload; the catalog decides what becomes of its asset."""

    TYPE: ClassVar = "reprise.upload.withdrawn.v1"


class UploadsErased(Fact):
    """The gateway's part of a subject's erasure is done."""

    TOPIC: ClassVar = UPLOADS
    TYPE: ClassVar = "reprise.upload.subject-part-erased.v1"
    user_id: UUID
