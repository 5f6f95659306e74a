import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.ids import new_asset_id, rendition_key
from transcoder.domain.ladder import PROFILES, fit

SIDES = st.integers(1, 20_000)
BOX = (1920, 1080)


def test_the_names_are_the_frozen_ones() -> None:
    assert set(PROFILES) == {"mp3-192", "aac-128", "image-640", "video-1080", "poster"}


def test_every_rung_makes_a_valid_key() -> None:
    for profile in PROFILES.values():
        assert rendition_key(new_asset_id(), profile.rendition, profile.extension)


@pytest.mark.parametrize(
    ("size", "fitted"),
    [
        ((3840, 2160), (1920, 1080)),
        ((2160, 3840), (1080, 1920)),
        ((640, 360), (640, 360)),
        ((1000, 1000), (1000, 1000)),
        ((4000, 1000), (1920, 480)),
    ],
)
def test_a_picture_fits_its_box_whichever_way_it_stands(
    size: tuple[int, int], fitted: tuple[int, int]
) -> None:
    assert fit(*size, BOX) == fitted


@given(SIDES, SIDES)
def test_nothing_is_ever_enlarged_and_video_has_even_sides(width: int, height: int) -> None:
    wide, high = fit(width, height, BOX, even=True)
    assert (wide % 2, high % 2) == (0, 0)
    assert wide <= max(width, 2)
    assert high <= max(height, 2)
    assert max(wide, high) <= 1920


@given(SIDES, SIDES)
def test_what_fits_once_fits_again(width: int, height: int) -> None:
    once = fit(width, height, BOX, even=True)
    assert fit(*once, BOX) == once
