"""The way of a stored upload to what is made of it, as the facts of other services tell it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from common.events import (
    AssetDeleted,
    AssetFailed,
    AssetPurgeDue,
    AssetReady,
    AssetRegistered,
    AssetRestored,
    Event,
    MediaProbed,
    ProcessingFailed,
    ProcessingRequested,
    RenditionFailed,
    RenditionReady,
)
from common.ids import AssetId, UploadId, UserId

AssetState = Literal["registered", "processing", "ready", "failed", "deleted", "purged"]
RenditionState = Literal["planned", "ready", "failed"]
# what is heard of; all other facts are for others
HEARD = (
    AssetRegistered, ProcessingRequested, AssetReady, AssetFailed, AssetDeleted, AssetRestored,
    AssetPurgeDue, MediaProbed, RenditionReady, RenditionFailed, ProcessingFailed,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Journey:
    """What became of an upload's asset so far.

    `renditions` are those of the last run that told its plan. `heard` is the last sequence taken
    from each topic: two topics are not in one order, and a record may come twice.
    """

    asset_id: AssetId
    upload_id: UploadId
    user_id: UserId
    state: AssetState = "registered"
    reason: str | None = None
    run: UUID | None = None
    renditions: Mapping[str, RenditionState] = field(default_factory=dict)
    ready_at: datetime | None = None
    heard: Mapping[str, int] = field(default_factory=dict)

    @property
    def planned(self) -> int:
        """How many renditions there will be."""
        return len(self.renditions)

    def count(self, state: RenditionState) -> int:
        """How many renditions are in this state."""
        return sum(found == state for found in self.renditions.values())

    def knows(self, topic: str, sequence: int) -> bool:
        """Whether this record was taken before."""
        return sequence <= self.heard.get(topic, 0)

    def having_heard(self, topic: str, sequence: int) -> "Journey":
        """With a record noted that is never taken again."""
        return replace(self, heard={**self.heard, topic: sequence})

    def after(self, event: Event, at: datetime) -> "Journey":
        """One step on; itself when the fact changes nothing."""
        match event:
            case MediaProbed():
                plan: dict[str, RenditionState] = {one.rendition: "planned" for one in event.plan}
                return replace(self._processing(), run=event.run, renditions=plan)
            case RenditionReady() | RenditionFailed():
                return self._rendered(event)
            case _:
                return self._decided(event, at)

    def _rendered(self, event: RenditionReady | RenditionFailed) -> "Journey":
        if event.run != self.run:
            return self  # of a run that another one took the place of
        state: RenditionState = "ready" if isinstance(event, RenditionReady) else "failed"
        return replace(self, renditions={**self.renditions, event.rendition: state})

    def _decided(self, event: Event, at: datetime) -> "Journey":
        """The catalog's word on the asset itself."""
        match event:
            case ProcessingRequested():
                return self._processing()
            case AssetReady():
                return replace(self, state="ready", reason=None, ready_at=at)
            case AssetFailed():
                return replace(self, state="failed", reason=event.reason)
            case AssetDeleted():
                return replace(self, state="deleted")
            case AssetRestored():
                return replace(self, state=self._before_deletion())
            case AssetPurgeDue():
                return replace(self, state="purged", reason=event.reason)
            case _:
                return self

    def _processing(self) -> "Journey":
        """A new run never leaves `ready`, nor brings back what was deleted (design §2)."""
        if self.state in {"registered", "failed"}:
            return replace(self, state="processing", reason=None)
        return self

    def _before_deletion(self) -> AssetState:
        if self.ready_at is not None:
            return "ready"
        return "failed" if self.reason else "processing"


def step_of(event: Event) -> tuple[str | None, str | None]:
    """The rendition that a fact is about and the reason it gives, where it has them."""
    match event:
        case RenditionReady():
            return event.rendition, None
        case RenditionFailed():
            return event.rendition, event.reason
        case ProcessingFailed():
            return None, event.reason
        case _:
            return None, None
