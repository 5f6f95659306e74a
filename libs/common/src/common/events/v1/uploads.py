"""Facts of the upload gateway: what became of an upload (topic media.uploads.v1, key asset_id)."""

from typing import ClassVar

from pydantic import Field

from common.events.model import Fact
from common.events.topics import UPLOADS
from common.events.v1.fields import (
    AssetRef,
    ContentType,
    ETag,
    Key,
    Keys,
    Kind,
    Reason,
    Sha256,
    Size,
    UploadRef,
    UserRef,
)
from common.events.v1.fields import MediaKind as MediaKind  # noqa: PLC0414  (where it stood first)


class UploadFact(Fact):
    """What all facts about an upload say."""

    TOPIC: ClassVar = UPLOADS
    asset_id: AssetRef
    upload_id: UploadRef
    user_id: UserRef
    kind: Kind


class UploadStarted(UploadFact):
    """An upload was accepted; no byte is promised yet. `key` is where its bytes will be."""

    TYPE: ClassVar = "reprise.upload.started.v1"
    key: Key
    declared_size: int | None = Field(
        default=None, ge=0, description="bytes the client announced; null: not known at the start"
    )
    declared_type: str | None = Field(default=None, description="media type the client announced")


class UploadCompleted(UploadFact):
    """The bytes are stored, counted, sniffed and hashed; `etag` is the store's, unquoted."""

    TYPE: ClassVar = "reprise.upload.completed.v1"
    key: Key
    size: Size
    sha256: Sha256
    etag: ETag
    content_type: ContentType
    parent: str | None = Field(
        default=None, description="what the client wants it attached to, as it said at the start"
    )


class EndedUpload(UploadFact):
    """An upload that ended without an asset; `keys` may be deleted on this word."""

    keys: Keys = ()


class UploadRejected(EndedUpload):
    """What arrived may not be kept; `reason` is a stable code."""

    TYPE: ClassVar = "reprise.upload.rejected.v1"
    reason: Reason


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
    KEY: ClassVar = "{user_id}"
    user_id: UserRef
