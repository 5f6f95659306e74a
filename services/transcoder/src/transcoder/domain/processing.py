"""The processing of one asset.

Which run, what became of its steps, and the sequences of its facts.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from common.errors import Conflict
from common.events import (
    Envelope,
    MediaKind,
    ProcessingFinished,
    ProcessingRequested,
    RenditionFailed,
    RenditionReady,
)
from common.ids import AssetId, ObjectKey, RunId
from transcoder.domain.media_info import MediaInfo
from transcoder.domain.plan import Plan


class RunState(StrEnum):
    """`stopped` waits for a restore; `ended` has said its last fact.

    `gone` will never run again.
    """

    PROBING = "probing"
    RUNNING = "running"
    STOPPED = "stopped"
    ENDED = "ended"
    GONE = "gone"


class StepState(StrEnum):
    """What became of one planned rendition."""

    PLANNED = "planned"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SourceObject:
    """The original as it was registered: where it is and what it must still be."""

    kind: MediaKind
    key: ObjectKey
    size: int
    sha256: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Processing:
    """One asset.

    `sequence` and `details_sequence` are the last numbers given to its facts and its details.
    `stops` counts how often the run was stopped: a resumed step is a new job with a new name.
    """

    asset_id: AssetId
    run: RunId
    source: SourceObject
    cause: Envelope
    state: RunState = RunState.PROBING
    info: MediaInfo | None = None
    steps: dict[str, StepState] = field(default_factory=dict)
    stops: int = 0
    sequence: int = 0
    details_sequence: int = 0

    def is_running(self, run: RunId) -> bool:
        """Whether a job of this run may still record anything."""
        return self.run == run and self.state in {RunState.PROBING, RunState.RUNNING}

    @property
    def known(self) -> MediaInfo:
        """What the probe found; there is no step before it."""
        if self.info is None:
            raise Conflict("the probe of this run has not ended", code="not_probed")
        return self.info

    def probed(self, info: MediaInfo, plan: Plan) -> "Processing":
        """The probe is through. The row keeps the measures.

        Never the names that the file carries.
        """
        steps = {step.rendition: StepState.PLANNED for step in plan.planned}
        measures = replace(info, tags={}, cue=None, captured_at=None)
        return replace(self, state=RunState.RUNNING, info=measures, steps=steps)

    def after(self, fact: RenditionReady | RenditionFailed) -> "Processing":
        """One step has ended."""
        ended = StepState.READY if isinstance(fact, RenditionReady) else StepState.FAILED
        return replace(self, steps={**self.steps, fact.rendition: ended})

    def finished(self) -> ProcessingFinished | None:
        """The closing fact, as soon as no step is open."""
        if self.open_steps():
            return None
        return ProcessingFinished(
            asset_id=self.asset_id,
            run=self.run,
            ready=tuple(n for n, state in self.steps.items() if state is StepState.READY),
            failed=tuple(n for n, state in self.steps.items() if state is StepState.FAILED),
        )

    def open_steps(self) -> tuple[str, ...]:
        """Renditions that are planned and not ended, in the order of the plan."""
        return tuple(name for name, state in self.steps.items() if state is StepState.PLANNED)

    def ended(self) -> "Processing":
        """Its last fact is said."""
        return replace(self, state=RunState.ENDED)

    def stopped(self) -> "Processing":
        """The asset was deleted; what is open waits for a restore."""
        if self.state not in {RunState.PROBING, RunState.RUNNING}:
            return self
        return replace(self, state=RunState.STOPPED, stops=self.stops + 1)

    def resumed(self) -> "Processing":
        """The asset came back."""
        return replace(self, state=RunState.RUNNING if self.info else RunState.PROBING)

    def gone(self) -> "Processing":
        """Irrevocably dead: no later fact makes it run."""
        return replace(self, state=RunState.GONE)


def begin(
    request: ProcessingRequested, cause: Envelope, before: Processing | None
) -> Processing | None:
    """The processing that this request asks for; None when it changes nothing.

    The same run asked for twice is one run; a dead asset stays dead; a new run takes the place of
    the one before and goes on counting where that stopped. What was asked for earlier than the run
    that stands is superseded, however late it comes.
    """
    if before and (before.state is RunState.GONE or before.run == request.run):
        return None
    if before and before.cause.sequence > cause.sequence:
        return None
    return Processing(
        asset_id=AssetId(request.asset_id),
        run=RunId(request.run),
        source=SourceObject(
            kind=request.kind,
            key=ObjectKey(request.key),
            size=request.size,
            sha256=request.sha256,
            content_type=request.content_type,
        ),
        cause=cause,
        sequence=before.sequence if before else 0,
        details_sequence=before.details_sequence if before else 0,
    )
