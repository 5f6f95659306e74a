"""Facts of the transcoder: what a run planned and made (media.renditions.v1, key asset_id)."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from common.events.model import Fact, Part
from common.events.topics import RENDITIONS


class MediaFacts(Part):
    """What the probe measured. Seconds, pixels, bits per second, hertz."""

    container: str
    codec: str
    duration: float | None = Field(default=None, ge=0, description="seconds")
    width: int | None = Field(default=None, ge=1, description="pixels, as shown")
    height: int | None = Field(default=None, ge=1, description="pixels, as shown")
    bit_rate: int | None = Field(default=None, ge=0, description="bits per second")
    sample_rate: int | None = Field(default=None, ge=1, description="hertz")
    channels: int | None = Field(default=None, ge=1)


class PlannedRendition(Part):
    """One thing the run will make; `profile` names the frozen ladder entry."""

    rendition: str
    profile: str
    required: bool


class SkippedRendition(Part):
    """One thing the run will not make, and why (a stable code)."""

    rendition: str
    reason: str


class RunFact(Fact):
    """What all facts about a run say."""

    TOPIC: ClassVar = RENDITIONS
    asset_id: UUID
    run: UUID


class MediaProbed(RunFact):
    """What the original is, and what will exist of it."""

    TYPE: ClassVar = "reprise.rendition.media-probed.v1"
    media: MediaFacts
    plan: tuple[PlannedRendition, ...]
    skipped: tuple[SkippedRendition, ...] = ()


class RenditionReady(RunFact):
    """One rendition is stored; its size, type and ETag are final."""

    TYPE: ClassVar = "reprise.rendition.ready.v1"
    rendition: str
    profile: str
    key: str
    size: int = Field(ge=0, description="bytes")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    etag: str
    content_type: str
    media: MediaFacts


class RenditionFailed(RunFact):
    """One rendition cannot be made; `reason` is a stable code."""

    TYPE: ClassVar = "reprise.rendition.failed.v1"
    rendition: str
    reason: str


class ProcessingFinished(RunFact):
    """Every planned step of the run has ended."""

    TYPE: ClassVar = "reprise.rendition.processing-finished.v1"
    ready: tuple[str, ...]
    failed: tuple[str, ...] = ()


class ProcessingFailed(RunFact):
    """The run ended before a plan could be made; `reason` is a stable code."""

    TYPE: ClassVar = "reprise.rendition.processing-failed.v1"
    reason: str


class MediaFlagged(RunFact):
    """The malware hook flagged the original."""

    TYPE: ClassVar = "reprise.rendition.media-flagged.v1"
    signature: str


class RenditionsErased(Fact):
    """The transcoder's part of a subject's erasure is done."""

    TOPIC: ClassVar = RENDITIONS
    TYPE: ClassVar = "reprise.rendition.subject-part-erased.v1"
    user_id: UUID
