"""May this token have this object now? Token, then index, then permission rule (design §4)."""

from uuid import UUID

from common.access import Viewer, may_view
from common.tokens import MediaToken, viewer_of
from delivery.domain.errors import MediaGone, MediaNotFound, NotUnderstood
from delivery.domain.media import Asset, DeniedAsset, Entry, GoneAsset, StoredMedia

# A token has room for a viewer and none for a role. User ids are of version 8 throughout
# (common.web.callers), so the four bits of the version say nothing in a viewer: all set, they say
# that an operator looks at what is not theirs, and the other sixty still say who, for revoking and
# counting.
_VERSION_AT = 6  # byte of an id whose upper half is the version
_OPERATOR = 0xF
_MARK = _OPERATOR << 76


def admit(token: MediaToken, entry: Entry, key: str) -> StoredMedia:
    """The object to serve, or MediaGone, MediaNotFound, NotUnderstood.

    The caller has made sure that the entry is not older than the token.
    """
    if isinstance(entry, DeniedAsset):
        raise NotUnderstood("this media cannot be served here")
    if isinstance(entry, GoneAsset) or token.generation < entry.generation or not entry.living():
        raise MediaGone("this link is no longer valid")
    if not may_view(viewer_in(entry, token), entry.subject()):
        raise MediaGone("this link is no longer valid")
    stored = entry.object_of(key)
    if stored is None:
        raise MediaNotFound("there is no such media", shared=token.mode == "pub")
    return stored


def viewer_in(asset: Asset, token: MediaToken) -> Viewer:
    """Whom the token's eight bytes stand for, as far as this asset knows people."""
    if token.viewer is None:
        return Viewer(None)
    if _marked(token.viewer):
        return Viewer(None, admin=True)
    known = (asset.owner, *asset.members)
    return Viewer(next((who for who in known if viewer_of(who) == token.viewer), None))


def token_viewer(asset: Asset, viewer: Viewer) -> UUID:
    """Who the token of a link shall name, so that `viewer_in` finds the same rights again.

    Raises MediaNotFound for nobody, and for an id that would pass for an operator's.
    """
    if viewer.user_id is None or _marked(viewer_of(viewer.user_id)):
        raise MediaNotFound("there is no such media")
    if not viewer.admin or viewer.user_id == asset.owner or viewer.user_id in asset.members:
        return viewer.user_id
    return UUID(int=viewer.user_id.int | _MARK)


def _marked(viewer: bytes) -> bool:
    return viewer[_VERSION_AT] >> 4 == _OPERATOR
