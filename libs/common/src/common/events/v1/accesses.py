"""What delivery handed out (topic media.accesses.v1, 30 days, key asset_id)."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from common.events.model import Fact
from common.events.topics import ACCESSES
from common.events.v1.fields import AssetRef, Reason, Rendition, Viewer


class MediaServed(Fact):
    """Bytes sent in one minute to one viewer of one tier; redirects count as issued."""

    TOPIC: ClassVar = ACCESSES
    TYPE: ClassVar = "reprise.access.media-served.v1"
    asset_id: AssetRef
    viewer: Viewer
    rendition: Rendition
    minute: datetime = Field(description="start of the minute counted")
    requests: int = Field(ge=1, description="answers with bytes")
    bytes_sent: int = Field(ge=0, description="bytes that left this node")
    bytes_issued: int = Field(
        default=0, ge=0, description="bytes that a redirect or a CDN may have sent for us"
    )


class UrlIssued(Fact):
    """A URL was handed to a viewer who may see it."""

    TOPIC: ClassVar = ACCESSES
    TYPE: ClassVar = "reprise.access.url-issued.v1"
    asset_id: AssetRef
    viewer: Viewer
    rendition: Rendition
    mode: Literal["public", "private"] = Field(description="which kind of token it carries")
    expires_at: datetime | None = Field(default=None, description="null: it does not expire")
    user_agent_class: str | None = Field(
        default=None, description="browser, app, bot: never the string itself"
    )


class AccessDenied(Fact):
    """A viewer was refused; `reason` is a stable code."""

    TOPIC: ClassVar = ACCESSES
    TYPE: ClassVar = "reprise.access.denied.v1"
    asset_id: AssetRef
    viewer: Viewer
    reason: Reason
