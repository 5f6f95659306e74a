"""Leased jobs -> use cases; no Kafka here."""

from dataclasses import dataclass
from uuid import UUID

from common.errors import RepriseError
from common.ids import AssetId, RunId
from common.jobs.job import Job
from transcoder.domain.claim import Claim
from transcoder.usecases.give_up import GiveUp
from transcoder.usecases.probe_media import ProbeMedia
from transcoder.usecases.run_step import RunStep


@dataclass(frozen=True, slots=True)
class JobHandlers:
    """What a worker does with a claimed row."""

    probe: ProbeMedia
    step: RunStep
    give_up: GiveUp

    async def run_probe(self, job: Job) -> None:
        """Kind `probe`."""
        await self.probe(claim_of(job))

    async def run_step(self, job: Job) -> None:
        """Kind `step`."""
        await self.step(claim_of(job))

    async def on_dead(self, job: Job, error: Exception) -> None:
        """No try is left: the reason is the code of the last failure."""
        reason = error.code if isinstance(error, RepriseError) else "internal_error"
        await self.give_up(claim_of(job), reason)


def claim_of(job: Job) -> Claim:
    """The row as the use cases see it."""
    return Claim(
        asset_id=AssetId(job.subject),
        run=RunId(UUID(job.payload["run"])),
        rendition=job.payload["rendition"],
        lease=job,
    )
