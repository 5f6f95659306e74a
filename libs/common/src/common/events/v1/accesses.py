"""What delivery handed out (topic media.accesses.v1, 30 days, key asset_id)."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from common.events.model import Fact
from common.events.topics import ACCESSES


class MediaServed(Fact):
    """Bytes sent in one minute to one viewer of one tier; redirects count as issued."""

    TOPIC: ClassVar = ACCESSES
    TYPE: ClassVar = "reprise.access.media-served.v1"
    asset_id: UUID
    viewer: str | None
    rendition: str
    minute: datetime
    requests: int = Field(ge=1)
    bytes_sent: int = Field(ge=0)
    bytes_issued: int = Field(default=0, ge=0)


class UrlIssued(Fact):
    """A URL was handed to a viewer who may see it."""

    TOPIC: ClassVar = ACCESSES
    TYPE: ClassVar = "reprise.access.url-issued.v1"
    asset_id: UUID
    viewer: str | None
    rendition: str
    mode: Literal["public", "private"]
    expires_at: datetime | None = None
    user_agent_class: str | None = None


class AccessDenied(Fact):
    """A viewer was refused; `reason` is a stable code."""

    TOPIC: ClassVar = ACCESSES
    TYPE: ClassVar = "reprise.access.denied.v1"
    asset_id: UUID
    viewer: str | None
    reason: str
