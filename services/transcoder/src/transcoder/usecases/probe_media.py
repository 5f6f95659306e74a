"""The first job of a run: measure the original, say what will exist, queue the steps."""

from dataclasses import dataclass

from common.events import MediaDetails, MediaProbed, ProcessingFailed
from transcoder.domain.budget import scratch_needed
from transcoder.domain.claim import Claim
from transcoder.domain.errors import MEDIA_FAILURES
from transcoder.domain.media_info import MediaInfo
from transcoder.domain.plan import Plan, make_plan
from transcoder.domain.processing import Processing, SourceObject
from transcoder.ports import Ledger, Originals, Prober, Scratch, Tally, Transaction


@dataclass(frozen=True, slots=True)
class ProbeMedia:
    """Ends in MediaProbed, or in ProcessingFailed with a stable reason.

    The original is only ever read.
    """

    ledger: Ledger
    scratch: Scratch
    originals: Originals
    prober: Prober
    tally: Tally
    pre_encode: bool

    async def __call__(self, claim: Claim) -> None:
        async with self.ledger.begin() as transaction:
            processing = await transaction.lock(claim.asset_id)
            if processing is None or not processing.is_running(claim.run):
                await transaction.complete(claim)
                return
        try:
            info = await self._measure(processing.source)
        except MEDIA_FAILURES as failure:
            self.tally.probed(failure.code)
            await self._fail(claim, failure.code)
        else:
            self.tally.probed("ok")
            plan = make_plan(processing.source.kind, info, pre_encode=self.pre_encode)
            await self._record(claim, info, plan)

    async def _measure(self, source: SourceObject) -> MediaInfo:
        async with self.scratch.directory(scratch_needed(source.size, output=0)) as directory:
            await self.originals.fetch(source, directory.source)
            info = await self.prober.probe(directory.source, source.content_type)
            await self.prober.require_end(directory.source, source.content_type, info)
        return info

    async def _record(self, claim: Claim, info: MediaInfo, plan: Plan) -> None:
        async with self.ledger.begin() as transaction:
            processing = await self._closed(transaction, claim)
            if processing is None:
                return
            processing = processing.probed(info, plan)
            fact = MediaProbed(
                asset_id=claim.asset_id,
                run=claim.run,
                media=info.facts(),
                plan=plan.planned,
                skipped=plan.skipped,
            )
            processing = await transaction.publish(processing, fact)
            if info.tells_something:
                processing = await transaction.describe(processing, _details(processing, info))
            if finished := processing.finished():
                processing = (await transaction.publish(processing, finished)).ended()
            await transaction.save(processing)
            await transaction.enqueue(processing, processing.open_steps())

    async def _fail(self, claim: Claim, reason: str) -> None:
        async with self.ledger.begin() as transaction:
            processing = await self._closed(transaction, claim)
            if processing is None:
                return
            fact = ProcessingFailed(asset_id=claim.asset_id, run=claim.run, reason=reason)
            processing = await transaction.publish(processing, fact)
            await transaction.save(processing.ended())

    async def _closed(self, transaction: Transaction, claim: Claim) -> Processing | None:
        """The job is closed under its fence; None when its run no longer counts."""
        processing = await transaction.lock(claim.asset_id)
        await transaction.complete(claim)
        if processing is None or not processing.is_running(claim.run):
            return None
        return processing


def _details(processing: Processing, info: MediaInfo) -> MediaDetails:
    return MediaDetails(
        asset_id=processing.asset_id, tags=info.tags, cue=info.cue, captured_at=info.captured_at
    )
