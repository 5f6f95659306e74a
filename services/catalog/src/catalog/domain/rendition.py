"""What exists, or will exist, of an asset besides its original."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from common.events import MediaFacts, PlannedRendition, RenditionFailed, RenditionReady


class RenditionState(StrEnum):
    """Condemned: its object was declared for a dead asset and is being deleted."""

    PLANNED = "planned"
    READY = "ready"
    FAILED = "failed"
    CONDEMNED = "condemned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The stored object of a rendition; it never changes under its key."""

    key: str
    size: int
    sha256: str
    etag: str
    content_type: str
    media: MediaFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One rendition of one run.

    An output is there when it is ready or condemned, a reason when it failed.
    """

    run: UUID
    name: str
    profile: str
    required: bool
    state: RenditionState
    reason: str | None = None
    output: Output | None = None
    ready_at: datetime | None = None


def planned(run: UUID, plan: PlannedRendition) -> Rendition:
    """A rendition that the run will make."""
    return Rendition(
        run=run,
        name=plan.rendition,
        profile=plan.profile,
        required=plan.required,
        state=RenditionState.PLANNED,
    )


def made(fact: RenditionReady, *, required: bool, condemned: bool, at: datetime) -> Rendition:
    """A rendition whose object is stored."""
    return Rendition(
        run=fact.run,
        name=fact.rendition,
        profile=fact.profile,
        required=required,
        state=RenditionState.CONDEMNED if condemned else RenditionState.READY,
        output=Output(
            key=fact.key,
            size=fact.size,
            sha256=fact.sha256,
            etag=fact.etag,
            content_type=fact.content_type,
            media=fact.media,
        ),
        ready_at=at,
    )


def unmakeable(fact: RenditionFailed, *, profile: str, required: bool) -> Rendition:
    """A rendition that cannot be made."""
    return Rendition(
        run=fact.run,
        name=fact.rendition,
        profile=profile,
        required=required,
        state=RenditionState.FAILED,
        reason=fact.reason,
    )
