"""Which object answers which wish."""

import pytest
from services.delivery.tests.media import an_asset

from delivery.domain.errors import TierMissing, UnknownTier
from delivery.domain.media import StoredMedia
from delivery.domain.tiers import choose

ALL_AUDIO = ("original", "mp3-320", "mp3-192", "aac-128")


def chosen(
    names: tuple[str, ...],
    asked: str | None,
    *,
    kind: str = "audio",
    state: str = "ready",
    default: str = "medium",
    refused: str = "",
) -> str:
    def allowed(stored: StoredMedia) -> bool:
        return stored.rendition != refused

    asset = an_asset(kind=kind, state=state, renditions=names)
    return choose(asset, asked, audio_default=default, allowed=allowed).rendition


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("low", "aac-128"), ("medium", "mp3-192"), ("high", "mp3-320"), ("original", "original"),
        ("mp3-320", "mp3-320"), ("aac-128", "aac-128"), (None, "mp3-192"),
    ],
)  # fmt: skip
def test_quality_words_and_names_of_the_ladder_find_their_object(
    asked: str | None, name: str
) -> None:
    assert chosen(ALL_AUDIO, asked) == name


def test_a_wish_falls_to_the_next_lower_tier_then_to_the_next_higher() -> None:
    assert chosen(("original", "aac-128"), "high") == "aac-128"
    assert chosen(("original", "mp3-320"), "low") == "mp3-320"
    assert chosen(("original", "mp3-320", "aac-128"), None) == "aac-128"


def test_the_original_plays_only_where_no_tier_was_made() -> None:
    assert chosen(("original",), None) == "original"
    with pytest.raises(TierMissing):
        chosen(("original",), None, state="processing")


def test_the_default_quality_of_audio_is_a_setting() -> None:
    assert chosen(ALL_AUDIO, None, default="high") == "mp3-320"
    assert chosen(ALL_AUDIO, None, default="original") == "original"


def test_an_exact_name_never_falls() -> None:
    with pytest.raises(TierMissing):
        chosen(("original", "mp3-192"), "mp3-320")


def test_what_the_caller_may_not_have_is_not_chosen() -> None:
    with pytest.raises(TierMissing):
        chosen(ALL_AUDIO, "original", refused="original")


@pytest.mark.parametrize(
    ("kind", "names", "asked", "name"),
    [
        ("image", ("original", "image-320", "image-640"), None, "image-640"),
        ("image", ("original", "image-320"), None, "image-320"),
        ("avatar", ("original", "image-640"), None, "image-640"),
        ("video", ("original", "video-1080", "poster"), None, "video-1080"),
        ("video", ("original", "video-1080", "poster"), "poster", "poster"),
    ],
)
def test_images_and_videos_have_defaults_of_their_own(
    kind: str, names: tuple[str, ...], asked: str | None, name: str
) -> None:
    assert chosen(names, asked, kind=kind) == name


@pytest.mark.parametrize("kind", ["image", "video", "avatar"])
def test_the_original_of_a_picture_is_never_a_fall_back(kind: str) -> None:
    with pytest.raises(TierMissing):
        chosen(("original",), None, kind=kind)


@pytest.mark.parametrize("asked", ["", "best", "MP3-192", "mp3-999", "original "])
def test_other_words_are_unknown(asked: str) -> None:
    with pytest.raises(UnknownTier):
        chosen(ALL_AUDIO, asked)
