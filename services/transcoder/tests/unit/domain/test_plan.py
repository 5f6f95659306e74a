import pytest

from common.events import MediaKind
from transcoder.domain.media_info import MediaInfo
from transcoder.domain.plan import make_plan


def a_source(codec: str, bit_rate: int | None) -> MediaInfo:
    return MediaInfo(container="x", codec=codec, duration=240.0, bit_rate=bit_rate)


@pytest.mark.parametrize(
    ("codec", "bit_rate", "planned"),
    [
        ("flac", 900_000, ["mp3-192", "aac-128"]),
        ("alac", 100_000, ["mp3-192", "aac-128"]),
        ("pcm_s16le", 1_411_200, ["mp3-192", "aac-128"]),
        ("mp3", 320_000, ["mp3-192", "aac-128"]),
        ("mp3", 192_000, ["aac-128"]),
        ("vorbis", 160_000, ["aac-128"]),
        ("aac", 128_000, []),
        ("opus", 96_000, []),
    ],
)
def test_a_lossy_source_gets_only_tiers_below_its_own_rate(
    codec: str, bit_rate: int, planned: list[str]
) -> None:
    plan = make_plan("audio", a_source(codec, bit_rate), pre_encode=True)
    assert [step.rendition for step in plan.planned] == planned
    assert {s.rendition for s in plan.skipped} == {"mp3-192", "aac-128"} - set(planned)


def test_the_default_tier_is_the_required_one() -> None:
    plan = make_plan("audio", a_source("flac", 900_000), pre_encode=True)
    assert [step.required for step in plan.planned] == [True, False]


def test_the_best_tier_is_required_where_the_default_cannot_be_made() -> None:
    plan = make_plan("audio", a_source("mp3", 160_000), pre_encode=True)
    assert [(step.rendition, step.required) for step in plan.planned] == [("aac-128", True)]


def test_without_pre_encoding_the_original_is_the_playable_tier() -> None:
    plan = make_plan("audio", a_source("flac", 900_000), pre_encode=False)
    assert plan.planned == ()
    assert {step.reason for step in plan.skipped} == {"pre_encoding_off"}


@pytest.mark.parametrize(
    ("kind", "planned"),
    [
        ("image", ["image-640"]),
        ("avatar", ["image-640"]),
        ("video", ["video-1080", "poster"]),
    ],
)
def test_pictures_are_always_made_and_required(kind: MediaKind, planned: list[str]) -> None:
    plan = make_plan(kind, a_source("whatever", 1), pre_encode=False)
    assert [step.rendition for step in plan.planned] == planned
    assert all(step.required for step in plan.planned)
    assert all(step.profile == f"{step.rendition}.1" for step in plan.planned)
