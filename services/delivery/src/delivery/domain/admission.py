"""May this token have this object now? Token, then index, then permission rule (design §4)."""

from uuid import UUID

from common.access import Viewer, may_view
from common.tokens import MediaToken, viewer_of
from delivery.domain.errors import MediaGone, MediaNotFound, NotUnderstood
from delivery.domain.media import Asset, DeniedAsset, Entry, GoneAsset, StoredMedia

# Stands in tokens for an operator who is no party to the asset: a token has room for a viewer and
# none for a role, and a user id is never nil. Only a bearer with the role admin is given such a
# token.
OPERATOR = UUID(int=0)


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
    if token.viewer == viewer_of(OPERATOR):
        return Viewer(None, admin=True)
    known = (asset.owner, *asset.members)
    return Viewer(next((who for who in known if viewer_of(who) == token.viewer), None))


def token_viewer(asset: Asset, viewer: Viewer) -> UUID:
    """Who the token of a link shall name, so that `viewer_in` finds the same rights again."""
    if viewer.user_id is None:
        return OPERATOR
    party = viewer.user_id == asset.owner or viewer.user_id in asset.members
    return OPERATOR if viewer.admin and not party else viewer.user_id
