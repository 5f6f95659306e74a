"""How an upload becomes an asset, an alias, or nothing."""

from dataclasses import replace
from datetime import datetime

from catalog.domain.asset import Asset, Change, Original, nothing
from catalog.domain.processing import request_run
from catalog.domain.states import DUPLICATE, State
from common.events import (
    AssetPurgeDue,
    AssetRegistered,
    ObjectsPurgeDue,
    UploadAborted,
    UploadCompleted,
    UploadDeduplicated,
    UploadExpired,
    UploadRejected,
    UploadStarted,
)
from common.events.v1.uploads import UploadFact
from common.ids import AssetId, UploadId, UserId

EndedUpload = UploadRejected | UploadAborted | UploadExpired


def expected(fact: UploadFact, *, at: datetime) -> Asset:
    """The row an upload has before any byte is promised."""
    key = fact.key if isinstance(fact, UploadStarted | UploadCompleted) else ""
    return Asset(
        asset_id=AssetId(fact.asset_id),
        user_id=UserId(fact.user_id),
        upload_id=UploadId(fact.upload_id),
        kind=fact.kind,
        key=key,
        created_at=at,
    )


def stored(asset: Asset, fact: UploadCompleted, *, at: datetime) -> Asset:
    """The same asset with its bytes known; where it goes from here is not said yet."""
    original = Original(
        size=fact.size, sha256=fact.sha256, etag=fact.etag, content_type=fact.content_type
    )
    return replace(asset, key=fact.key, original=original, stored_at=at)


def register(asset: Asset, fact: UploadCompleted) -> Change:
    """It stands in its owner's library, and its first run is asked for."""
    told = AssetRegistered(
        asset_id=fact.asset_id,
        user_id=fact.user_id,
        upload_id=fact.upload_id,
        kind=fact.kind,
        key=fact.key,
        size=fact.size,
        sha256=fact.sha256,
        content_type=fact.content_type,
    )
    registered = asset.moved(State.STORED)
    return Change(registered, (told,)).then(request_run(registered))


def become_alias(asset: Asset, fact: UploadCompleted, *, winner: AssetId) -> Change:
    """The same bytes live already: the id goes on as an alias, the extra bytes go."""
    told = UploadDeduplicated(
        asset_id=fact.asset_id,
        user_id=fact.user_id,
        upload_id=fact.upload_id,
        duplicate_of=winner,
    )
    alias = replace(asset.moved(State.PURGING, DUPLICATE), duplicate_of=winner)
    due = AssetPurgeDue(asset_id=fact.asset_id, reason=DUPLICATE, keys=alias.keys())
    return Change(alias, (told, due))


def refuse_late(asset: Asset, fact: UploadCompleted) -> Change:
    """Bytes declared for an asset that is dead are condemned at once.

    On a living one they are old news.
    """
    if not asset.dead:
        return nothing(asset)
    reason = asset.reason or str(asset.state)
    told = ObjectsPurgeDue(asset_id=fact.asset_id, reason=reason, keys=(fact.key,))
    return Change(asset, (told,), seen=False)


def abandon(asset: Asset, fact: EndedUpload) -> Change:
    """Its upload ended without bytes to keep.

    The gateway's own fact is the permission to delete them.
    """
    if asset.state is not State.UPLOADING:
        return nothing(asset)
    return Change(asset.moved(State.ABANDONED, _why(fact)))


def _why(fact: EndedUpload) -> str:
    if isinstance(fact, UploadRejected):
        return fact.reason
    return "aborted" if isinstance(fact, UploadAborted) else "expired"
