"""Facts of the transcoder: what a run planned and made (media.renditions.v1, key asset_id)."""

from typing import ClassVar

from pydantic import Field

from common.events.model import Fact, Part
from common.events.topics import RENDITIONS
from common.events.v1.fields import (
    AssetRef,
    ContentType,
    ETag,
    Key,
    Profile,
    Reason,
    Rendition,
    RunRef,
    Sha256,
    Size,
    UserRef,
)


class MediaFacts(Part):
    """What the probe measured. Seconds, pixels, bits per second, hertz."""

    container: str = Field(description="container format, as ffprobe calls it")
    codec: str = Field(description="codec of the first stream that counts")
    duration: float | None = Field(default=None, ge=0, description="seconds")
    width: int | None = Field(default=None, ge=1, description="pixels, as shown")
    height: int | None = Field(default=None, ge=1, description="pixels, as shown")
    bit_rate: int | None = Field(default=None, ge=0, description="bits per second")
    sample_rate: int | None = Field(default=None, ge=1, description="hertz")
    channels: int | None = Field(default=None, ge=1, description="audio channels")


class PlannedRendition(Part):
    """One thing the run will make; `profile` names the frozen ladder entry."""

    rendition: Rendition
    profile: Profile
    required: bool = Field(description="whether the asset waits for it to be ready")


class SkippedRendition(Part):
    """One thing the run will not make, and why (a stable code)."""

    rendition: Rendition
    reason: Reason


class RunFact(Fact):
    """What all facts about a run say."""

    TOPIC: ClassVar = RENDITIONS
    asset_id: AssetRef
    run: RunRef


class MediaProbed(RunFact):
    """What the original is, and what will exist of it."""

    TYPE: ClassVar = "reprise.rendition.media-probed.v1"
    media: MediaFacts = Field(description="what was measured")
    plan: tuple[PlannedRendition, ...] = Field(description="all that the run will make")
    skipped: tuple[SkippedRendition, ...] = Field(
        default=(), description="what the run will not make, and why"
    )


class RenditionReady(RunFact):
    """One rendition is stored; its size, type and ETag are final."""

    TYPE: ClassVar = "reprise.rendition.ready.v1"
    rendition: Rendition
    profile: Profile
    key: Key
    size: Size
    sha256: Sha256
    etag: ETag
    content_type: ContentType
    media: MediaFacts = Field(description="what was measured")


class RenditionFailed(RunFact):
    """One rendition cannot be made; `reason` is a stable code."""

    TYPE: ClassVar = "reprise.rendition.failed.v1"
    rendition: Rendition
    reason: Reason


class ProcessingFinished(RunFact):
    """Every planned step of the run has ended."""

    TYPE: ClassVar = "reprise.rendition.processing-finished.v1"
    ready: tuple[str, ...] = Field(description="renditions that exist")
    failed: tuple[str, ...] = Field(default=(), description="renditions that do not")


class ProcessingFailed(RunFact):
    """The run ended before a plan could be made; `reason` is a stable code."""

    TYPE: ClassVar = "reprise.rendition.processing-failed.v1"
    reason: Reason


class MediaFlagged(RunFact):
    """The malware hook flagged the original."""

    TYPE: ClassVar = "reprise.rendition.media-flagged.v1"
    signature: str = Field(description="what the malware hook calls it")


class RenditionsErased(Fact):
    """The transcoder's part of a subject's erasure is done."""

    TOPIC: ClassVar = RENDITIONS
    TYPE: ClassVar = "reprise.rendition.subject-part-erased.v1"
    KEY: ClassVar = "{user_id}"
    user_id: UserRef
