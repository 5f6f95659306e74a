"""The two kinds of job, and one claim of a job as a use case sees it."""

from dataclasses import dataclass

from common.ids import AssetId, RunId

PROBE, STEP = "probe", "step"


@dataclass(frozen=True, slots=True)
class Claim:
    """Leased work. `rendition` None is the probe of the run.

    `lease` is the queue's own fence, opaque here.
    """

    asset_id: AssetId
    run: RunId
    rendition: str | None
    lease: object
