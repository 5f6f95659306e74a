import pytest

from common.errors import RepriseError
from transcoder.domain.ladder import IMAGE_640, MP3_192, VIDEO_1080
from transcoder.domain.media_info import MediaInfo
from transcoder.domain.verification import verify_output

FLAC = MediaInfo(container="flac", codec="flac", duration=240.0)
MP3 = MediaInfo(container="mp3", codec="mp3", duration=240.03)


def code_of(**changes: object) -> str:
    output = MediaInfo(**{"container": "mp3", "codec": "mp3", "duration": 240.03} | changes)  # type: ignore[arg-type]
    with pytest.raises(RepriseError) as caught:
        verify_output(MP3_192, FLAC, output)
    return caught.value.code


def test_encoder_padding_is_no_difference() -> None:
    verify_output(MP3_192, FLAC, MP3)


def test_a_source_that_ends_before_its_header_says_is_truncated() -> None:
    assert code_of(duration=120.0) == "truncated"


def test_an_estimated_duration_proves_nothing() -> None:
    verify_output(
        MP3_192,
        MediaInfo(container="mp3", codec="mp3", duration=300.0),
        MediaInfo(container="mp3", codec="mp3", duration=240.0),
    )


def test_another_codec_or_container_is_never_called_ready() -> None:
    assert code_of(codec="mp2") == "output_invalid"
    assert code_of(container="wav") == "output_invalid"


@pytest.mark.parametrize("size", [(641, 480), (None, None), (0, 10)])
def test_a_picture_outside_of_its_box_is_never_called_ready(
    size: tuple[int | None, int | None],
) -> None:
    output = MediaInfo(container="webp", codec="webp", width=size[0], height=size[1])
    with pytest.raises(RepriseError):
        verify_output(IMAGE_640, MediaInfo(container="jpeg", codec="jpeg"), output)


def test_an_upright_video_fits() -> None:
    source = MediaInfo(container="mov", codec="h264", duration=2.0, width=2160, height=3840)
    output = MediaInfo(container="mov", codec="h264", duration=2.0, width=1080, height=1920)
    verify_output(VIDEO_1080, source, output)
