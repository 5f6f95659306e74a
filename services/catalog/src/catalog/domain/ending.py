"""Delete, restore, the end of the grace, and what is left when the bytes are gone."""

from dataclasses import replace
from datetime import datetime, timedelta

from catalog.domain.asset import Asset, Change, nothing
from catalog.domain.processing import request_again, unfinished
from catalog.domain.states import DELETED_FOR_GOOD, FLAGGED, State
from common.errors import Conflict, Corrupt, Gone
from common.events import AssetDeleted, AssetFailed, AssetPurgeDue, AssetRestored
from common.ids import AssetId

_RESUMED = frozenset({State.PROCESSING, State.READY})


def delete(asset: Asset, *, now: datetime, grace: timedelta) -> Change:
    """Hide at once, keep for the grace. Deleting twice is the same as once.

    Raises Conflict while the upload runs (its own end decides), Gone when there is nothing left to
    delete.
    """
    if asset.state is State.DELETED:
        return nothing(asset)
    if asset.state is State.UPLOADING:
        raise Conflict("the upload has not ended; end it instead", code="upload_unfinished")
    if not asset.living:
        raise Gone("the asset is gone", code=str(asset.state))
    deleted = replace(
        asset.moved(State.DELETED, asset.reason),
        state_before=asset.state,
        generation=asset.generation + 1,
        deleted_at=now,
        restorable_until=now + grace,
    )
    told = AssetDeleted(
        asset_id=asset.asset_id, generation=deleted.generation, restorable_until=now + grace
    )
    return Change(deleted, (told,))


def withdraw(asset: Asset, *, now: datetime, grace: timedelta) -> Change:
    """The owner ended a finished upload: a delete where there is something to delete."""
    return delete(asset, now=now, grace=grace) if asset.living else nothing(asset)


def restore(asset: Asset) -> Change:
    """Back as it was, under a new generation; a run the delete cut short is asked for again.

    Restoring what lives is the same as nothing. Raises Gone once the grace was ended, Conflict
    while uploading.
    """
    if asset.living:
        return nothing(asset)
    if asset.state is State.UPLOADING:
        raise Conflict("the upload has not ended", code="upload_unfinished")
    if asset.state is not State.DELETED or asset.state_before is None:
        raise Gone("the asset is past restoring", code=str(asset.state))
    back = replace(
        asset.moved(asset.state_before, asset.reason),
        state_before=None,
        generation=asset.generation + 1,
        deleted_at=None,
        restorable_until=None,
    )
    told = AssetRestored(asset_id=asset.asset_id, generation=back.generation)
    change = Change(back, (told,))
    again = back.state in _RESUMED and unfinished(back)
    return change.then(request_again(back)) if again else change


def refuse_restore(winner: AssetId) -> Conflict:
    """The answer when the same bytes were uploaded again since the delete."""
    return Conflict(
        "the same bytes live as another asset", code="duplicate_of", duplicate_of=str(winner)
    )


def end_grace(asset: Asset) -> Change:
    """Irrevocable: from here on there is no way back (design §2)."""
    if asset.state is not State.DELETED:
        raise Corrupt("only a deleted asset has a grace to end", code="illegal_transition")
    return _purge(asset, DELETED_FOR_GOOD)


def flag(asset: Asset) -> Change:
    """The malware hook spoke: failed, and purged at once whatever run or grace there was."""
    if not asset.living and asset.state is not State.DELETED:
        return nothing(asset)
    told = AssetFailed(asset_id=asset.asset_id, run=asset.run_id, reason=FLAGGED)
    return Change(asset, (told,)).then(_purge(asset, FLAGGED))


def close_purged(asset: Asset) -> Change:
    """No object is left; the row stays for ever, so that the id never means anything else."""
    if asset.state is not State.PURGING:
        return nothing(asset)
    return Change(asset.moved(State.PURGED, asset.reason))


def _purge(asset: Asset, reason: str) -> Change:
    told = AssetPurgeDue(asset_id=asset.asset_id, reason=reason, keys=asset.keys())
    return Change(asset.moved(State.PURGING, reason), (told,))
