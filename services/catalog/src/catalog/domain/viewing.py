"""Who may read what the catalog knows of an asset.

Nobody learns of an asset that is not for them.
"""

from catalog.domain.asset import Asset
from catalog.domain.states import DEAD, State
from common.access import Subject, Viewer, may_view
from common.errors import Gone, NotFound

LISTED = frozenset(State) - DEAD


def check_readable(asset: Asset | None, viewer: Viewer) -> Asset:
    """The asset, if this viewer may read of it.

    An operator sees every state. An owner sees their own until it is deleted, an abandoned upload
    and its reason included; then Gone. For everybody else an asset that may not be viewed was never
    there: NotFound.
    """
    if asset is None or not (viewer.admin or _may_know(asset, viewer)):
        raise NotFound("no such asset")
    if not viewer.admin and asset.dead and asset.state is not State.ABANDONED:
        raise Gone("the asset was deleted", code=str(asset.state))
    return asset


def _may_know(asset: Asset, viewer: Viewer) -> bool:
    if viewer.user_id is not None and viewer.user_id == asset.user_id:
        return True
    subject = Subject(
        owner=asset.user_id,
        state=asset.state.value,
        visibility=asset.visibility,
        original_policy=asset.original_policy,
    )
    return may_view(viewer, subject)
