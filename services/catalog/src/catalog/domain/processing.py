"""From a requested run to ready or failed: the transcoder tells, the catalog decides."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from catalog.domain import rendition as renditions
from catalog.domain.asset import Asset, Change, nothing
from catalog.domain.rendition import Rendition, RenditionState
from catalog.domain.states import State
from common.errors import Corrupt
from common.events import (
    AssetFailed,
    AssetReady,
    MediaProbed,
    ObjectsPurgeDue,
    ProcessingFailed,
    ProcessingFinished,
    ProcessingRequested,
    RenditionFailed,
    RenditionReady,
)

SUPERSEDED = "superseded"
INCOMPLETE = "processing_incomplete"


def request_run(asset: Asset) -> Change:
    """Ask for the next run.

    A ready asset stays ready meanwhile; a stored or failed one is processing again.
    """
    original = asset.original
    if original is None:
        raise Corrupt("a run needs an original", code="illegal_transition")
    started = asset if asset.state is State.READY else asset.moved(State.PROCESSING)
    running = replace(started, run=asset.run + 1, planned=False)
    told = ProcessingRequested(
        asset_id=asset.asset_id,
        user_id=asset.user_id,
        run=_current_run(running),
        kind=asset.kind,
        key=asset.key,
        size=original.size,
        sha256=original.sha256,
        content_type=original.content_type,
    )
    return Change(running, (told,))


def request_again(asset: Asset) -> Change:
    """Ask for one more run of an asset that is processing or ready: the last one came to nothing.

    Processing stays processing: only the number of the run tells the old facts from the new.
    """
    waiting = asset.state is State.PROCESSING
    return request_run(replace(asset, state=State.STORED) if waiting else asset)


def unfinished(asset: Asset) -> bool:
    """Whether the current run still owes something, or was cut short by a delete."""
    owed = {RenditionState.PLANNED, RenditionState.CONDEMNED}
    return not asset.planned or any(item.state in owed for item in current(asset))


def current(asset: Asset) -> tuple[Rendition, ...]:
    """The renditions of the current run."""
    return tuple(item for item in asset.renditions if item.run == asset.run_id)


def record_plan(asset: Asset, fact: MediaProbed, *, at: datetime) -> Change:
    """What was measured, and what will exist."""
    if asset.dead:
        return nothing(asset)
    probed = replace(asset, media=fact.media)
    for plan in fact.plan:
        if probed.rendition(fact.run, plan.rendition) is None:
            probed = probed.with_rendition(renditions.planned(fact.run, plan))
    if fact.run == asset.run_id:
        probed = replace(probed, planned=True)
    return Change(probed).then(_settle(probed, at=at))


def record_ready(asset: Asset, fact: RenditionReady, *, at: datetime) -> Change:
    """A rendition is stored. For a dead asset its object is condemned at once (design §2)."""
    before = asset.rendition(fact.run, fact.rendition)
    if before is not None and before.output is not None:
        return _extra(asset, before.output.key, fact.key)
    required = before is not None and before.required
    made = renditions.made(fact, required=required, condemned=asset.dead, at=at)
    recorded = asset.with_rendition(made)
    if asset.dead:
        told = _condemn(asset, fact.key, asset.reason or str(asset.state))
        return Change(recorded, (told,), seen=False)
    return Change(recorded).then(_settle(recorded, at=at))


def record_failed(asset: Asset, fact: RenditionFailed, *, at: datetime) -> Change:
    """A rendition cannot be made.

    It matters only where it was required; a failed extra hides nothing.
    """
    before = asset.rendition(fact.run, fact.rendition)
    if asset.dead or (before is not None and before.state is not RenditionState.PLANNED):
        return nothing(asset)
    failed = renditions.unmakeable(
        fact,
        profile=before.profile if before else fact.rendition,
        required=before is not None and before.required,
    )
    recorded = asset.with_rendition(failed)
    return Change(recorded).then(_settle(recorded, at=at))


def finish_run(asset: Asset, fact: ProcessingFinished) -> Change:
    """Every step ended.

    An asset still processing then waits for something nobody makes: it failed.
    """
    return _fail(asset, fact.run, INCOMPLETE)


def fail_run(asset: Asset, fact: ProcessingFailed) -> Change:
    """The run ended before a plan could be made."""
    return _fail(asset, fact.run, fact.reason)


def _settle(asset: Asset, *, at: datetime) -> Change:
    """Ready when every required rendition of the current run is, failed when one of them failed."""
    if asset.state is not State.PROCESSING or not asset.planned:
        return nothing(asset)
    required = [item for item in current(asset) if item.required]
    broken = next((item for item in required if item.state is RenditionState.FAILED), None)
    if broken is not None:
        return _fail(asset, broken.run, broken.reason or "rendition_failed")
    if any(item.state is not RenditionState.READY for item in required):
        return nothing(asset)
    ready = replace(asset.moved(State.READY), ready_at=at)
    return Change(ready, (AssetReady(asset_id=asset.asset_id, run=_current_run(asset)),))


def _fail(asset: Asset, run: UUID, reason: str) -> Change:
    if asset.state is not State.PROCESSING or run != asset.run_id:
        return nothing(asset)
    told = AssetFailed(asset_id=asset.asset_id, run=run, reason=reason)
    return Change(asset.moved(State.FAILED, reason), (told,))


def _extra(asset: Asset, kept: str, key: str) -> Change:
    """A second object for a rendition that has one: the first stays, no key is ever forgotten."""
    if key == kept:
        return nothing(asset)
    return Change(asset, (_condemn(asset, key, SUPERSEDED),), seen=False)


def _condemn(asset: Asset, key: str, reason: str) -> ObjectsPurgeDue:
    return ObjectsPurgeDue(asset_id=asset.asset_id, reason=reason, keys=(key,))


def _current_run(asset: Asset) -> UUID:
    run = asset.run_id
    if run is None:
        raise Corrupt("no run was asked for yet", code="illegal_transition")
    return run
