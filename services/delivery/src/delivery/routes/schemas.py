"""Request and response models of the link routes."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from delivery.usecases.issue_link import Link
from delivery.usecases.refresh_links import Refreshed

MAX_REFRESH = 100


class LinkView(BaseModel):
    """A URL that plays, and what it plays."""

    url: str = Field(description="Relative to the origin, or absolute with MEDIA_BASE.")
    expires_at: datetime | None = Field(description="None for public media.")
    tier: str
    content_type: str
    size: int = Field(description="Bytes.")
    etag: str = Field(description="As in the ETag header: a refreshed link has the same one.")
    duration: float | None = Field(description="Seconds, for audio and video.")

    @classmethod
    def of(cls, link: Link) -> Self:
        """From the use case's answer."""
        return cls(
            url=link.url,
            expires_at=link.expires_at,
            tier=link.tier,
            content_type=link.content_type,
            size=link.size,
            etag=link.etag,
            duration=link.duration,
        )


class RefreshRequest(BaseModel):
    """Keys, assets or both: a hundred at most. `tier` is for the assets."""

    model_config = ConfigDict(extra="forbid")
    keys: list[str] = Field(default_factory=list, max_length=MAX_REFRESH)
    assets: list[UUID] = Field(default_factory=list, max_length=MAX_REFRESH)
    tier: str | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if len(self.keys) + len(self.assets) > MAX_REFRESH:
            raise ValueError(f"at most {MAX_REFRESH} keys and assets together")
        return self


class RefreshedView(BaseModel):
    """One answer. `code` says why there is no link."""

    asked: str
    link: LinkView | None = None
    code: str | None = None

    @classmethod
    def of(cls, refreshed: Refreshed) -> Self:
        """From the use case's answer."""
        return cls(
            asked=refreshed.asked,
            link=LinkView.of(refreshed.link) if refreshed.link else None,
            code=refreshed.refusal.code if refreshed.refusal else None,
        )


class RefreshAnswer(BaseModel):
    """In the order asked: keys, then assets."""

    items: list[RefreshedView]
