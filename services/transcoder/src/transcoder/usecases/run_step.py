"""One step of a plan: fetch, encode, look at what came out, store it, say so."""

from dataclasses import dataclass
from pathlib import Path

from common.clock import Clock
from common.events import RenditionFailed, RenditionReady
from common.failpoints import failpoint
from common.ids import rendition_key
from transcoder.domain.budget import budget_of, scratch_needed
from transcoder.domain.claim import Claim
from transcoder.domain.errors import MEDIA_FAILURES
from transcoder.domain.ladder import PROFILES, Profile
from transcoder.domain.media_info import MediaInfo
from transcoder.domain.processing import Processing
from transcoder.domain.verification import verify_output
from transcoder.ports import (
    Encoder,
    JobDirectory,
    Ledger,
    Originals,
    Outputs,
    Prober,
    Scratch,
    Tally,
)


@dataclass(frozen=True, slots=True)
class RunStep:
    """Ends in RenditionReady, or in RenditionFailed with a stable reason.

    The last step closes the run.

    The output is written under a key of this attempt alone. A worker that lost its lease leaves an
    object nobody refers to, never a second version of one that somebody does.
    """

    ledger: Ledger
    scratch: Scratch
    originals: Originals
    prober: Prober
    encoder: Encoder
    outputs: Outputs
    tally: Tally
    clock: Clock

    async def __call__(self, claim: Claim) -> None:
        profile = PROFILES[claim.rendition or ""]
        async with self.ledger.begin() as transaction:
            processing = await transaction.lock(claim.asset_id)
            if processing is None or not processing.is_running(claim.run):
                await transaction.complete(claim)
                return
        started, fact = self.clock.monotonic(), await self._made(profile, processing)
        outcome = fact.reason if isinstance(fact, RenditionFailed) else "ok"
        self.tally.step_ended(profile.rendition, outcome, self.clock.monotonic() - started)
        await self._record(claim, fact)

    async def _made(
        self, profile: Profile, processing: Processing
    ) -> RenditionReady | RenditionFailed:
        source = processing.source
        budget = budget_of(profile, processing.known)
        try:
            async with self.scratch.directory(scratch_needed(source.size, budget.output)) as place:
                await self.originals.fetch(source, place.source)
                return await self._encoded(profile, processing, place)
        except MEDIA_FAILURES as failure:
            return RenditionFailed(
                asset_id=processing.asset_id,
                run=processing.run,
                rendition=profile.rendition,
                reason=failure.code,
            )

    async def _encoded(
        self, profile: Profile, processing: Processing, place: JobDirectory
    ) -> RenditionReady:
        self.tally.encoding(profile.rendition)
        file = await self.encoder.encode(profile, processing.source, processing.known, place)
        output = await self.prober.probe(file, profile.content_type)
        verify_output(profile, processing.known, output)
        return await self._stored(profile, processing, file, output)

    async def _stored(
        self, profile: Profile, processing: Processing, file: Path, output: MediaInfo
    ) -> RenditionReady:
        key = rendition_key(processing.asset_id, profile.rendition, profile.extension)
        stored = await self.outputs.store(file, key, profile.content_type)
        await failpoint("transcoder.after_output")
        return RenditionReady(
            asset_id=processing.asset_id,
            run=processing.run,
            rendition=profile.rendition,
            profile=profile.name,
            key=key,
            size=stored.size,
            sha256=stored.sha256,
            etag=stored.etag,
            content_type=profile.content_type,
            media=output.facts(),
        )

    async def _record(self, claim: Claim, fact: RenditionReady | RenditionFailed) -> None:
        async with self.ledger.begin() as transaction:
            processing = await transaction.lock(claim.asset_id)
            await transaction.complete(claim)
            if processing is None or not processing.is_running(claim.run):
                return
            processing = await transaction.publish(processing.after(fact), fact)
            if finished := processing.finished():
                processing = (await transaction.publish(processing, finished)).ended()
            await transaction.save(processing)
