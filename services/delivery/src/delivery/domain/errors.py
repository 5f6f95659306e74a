"""What delivery refuses, in words of its own."""

from common.errors import Forbidden, Gone, Invalid, NotFound, Unavailable


class UnknownTier(Invalid):
    """The tier asked for is no name of the ladder and no quality word."""

    default_code = "unknown_tier"


class TierMissing(NotFound):
    """The asset is there and has no such tier (yet)."""

    default_code = "tier_not_available"


class MediaNotFound(NotFound):
    """No object ever had this key, or the caller may not know of it.

    `shared`: the refusal says nothing private and may be kept by shared caches for a moment.
    """

    default_code = "not_found"

    def __init__(self, detail: str = "", *, shared: bool = False) -> None:
        super().__init__(detail)
        self.shared = shared


class MediaGone(Gone):
    """The object was there; this link will not work again."""

    default_code = "gone"


class NotUnderstood(Forbidden):
    """The record of this asset was written for a newer version of delivery."""

    default_code = "not_understood"


class NotYetIndexed(Unavailable):
    """The token is right and the record has not arrived."""

    default_code = "not_yet_indexed"


class IndexTooOld(Unavailable):
    """Whether this viewer may still see it cannot be said: the catalog is silent for too long."""

    default_code = "index_too_old"


class NotConfigured(Unavailable):
    """No key ring, so no token can be judged."""

    default_code = "not_configured"


class ObjectChanged(Unavailable):
    """The store holds other bytes under the key than the record says."""

    default_code = "object_changed"
