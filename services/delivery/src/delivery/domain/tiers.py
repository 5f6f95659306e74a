"""Which object answers a wish for a quality (design §5: the ladder's names are frozen)."""

from collections.abc import Callable, Iterable, Sequence

from delivery.domain.errors import TierMissing, UnknownTier
from delivery.domain.media import Asset, StoredMedia

QUALITIES = {"low": "aac-128", "medium": "mp3-192", "high": "mp3-320"}
ORIGINAL = "original"
LADDERS: dict[str, tuple[str, ...]] = {
    "audio": ("aac-128", "mp3-192", "mp3-320"),
    "image": ("image-320", "image-640", "image-1280", "image-2048"),
    "avatar": ("image-320", "image-640", "image-1280", "image-2048"),
    "video": ("video-1080",),
}
DEFAULTS = {"image": "image-640", "avatar": "image-640", "video": "video-1080"}
NAMES = frozenset(name for ladder in LADDERS.values() for name in ladder) | {ORIGINAL, "poster"}


def choose(
    asset: Asset, asked: str | None, *, audio_default: str, allowed: Callable[[StoredMedia], bool]
) -> StoredMedia:
    """The object for `?tier=asked`, among those this caller may have.

    A name of the ladder means exactly that object. A quality word, or nothing, is a wish: it falls
    to the next lower tier there is, then to the next higher one, then (audio that is ready and has
    no tier at all) to the original. Raises UnknownTier for other words and TierMissing when nothing
    fits.
    """
    if asked is not None and asked not in NAMES and asked not in QUALITIES:
        raise UnknownTier(f"a tier is one of {', '.join(sorted({*NAMES, *QUALITIES}))}")
    wishes = [asked] if asked in NAMES else _wishes(asset, asked or audio_default)
    found = _first(asset.objects, wishes, allowed)
    if found is None:
        raise TierMissing("this asset has no such tier")
    return found


def _wishes(asset: Asset, quality: str) -> Sequence[str | None]:
    if quality == ORIGINAL and asset.kind == "audio":
        return [ORIGINAL, *reversed(LADDERS["audio"])]
    ladder = LADDERS[asset.kind]
    start = DEFAULTS.get(asset.kind) or QUALITIES.get(quality, quality)
    at = ladder.index(start)
    wishes = [*reversed(ladder[: at + 1]), *ladder[at + 1 :]]
    # where no tier could be made the original is the playable one; before `ready` one may still
    # come
    return [*wishes, ORIGINAL] if asset.kind == "audio" and asset.state == "ready" else wishes


def _first(
    objects: Iterable[StoredMedia],
    names: Iterable[str | None],
    allowed: Callable[[StoredMedia], bool],
) -> StoredMedia | None:
    by_name = {stored.rendition: stored for stored in objects if allowed(stored)}
    return next((by_name[name] for name in names if name in by_name), None)
