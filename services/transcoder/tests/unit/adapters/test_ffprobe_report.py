from datetime import UTC, datetime
from typing import Any

import pytest

from transcoder.adapters.ffprobe_report import last_end, media_info
from transcoder.domain.errors import NoMedia

PICTURE: dict[str, Any] = {
    "codec_type": "video", "codec_name": "h264", "width": 720, "height": 576,
    "sample_aspect_ratio": "64:45", "side_data_list": [{"rotation": -90}],
}  # fmt: skip
SOUND: dict[str, Any] = {
    "codec_type": "audio", "codec_name": "aac", "sample_rate": "48000", "channels": 2,
    "bit_rate": "128000", "tags": {"title": "Of the stream"},
}  # fmt: skip
COVER: dict[str, Any] = {
    "codec_type": "video", "codec_name": "mjpeg", "width": 9, "height": 9,
    "disposition": {"attached_pic": 1},
}  # fmt: skip
FORMAT = {
    "format_name": "mov,mp4,m4a,3gp,3g2,mj2", "duration": "20.5", "bit_rate": "900000",
    "tags": {"creation_time": "2024-05-01T10:00:00.000000Z"},
}  # fmt: skip


def test_a_video_is_measured_as_it_is_shown() -> None:
    info = media_info({"streams": [SOUND, PICTURE], "format": FORMAT}, pictured=True)
    assert (info.container, info.codec, info.audio_codec) == ("mov", "h264", "aac")
    assert (info.width, info.height) == (576, 1024)
    assert info.bit_rate == 900_000
    assert info.captured_at == datetime(2024, 5, 1, 10, tzinfo=UTC)


def test_a_cover_is_not_a_video_and_the_rate_is_that_of_the_sound() -> None:
    info = media_info({"streams": [COVER, SOUND], "format": FORMAT}, pictured=False)
    assert (info.codec, info.width, info.bit_rate) == ("aac", None, 128_000)
    assert info.tags == {"title": "Of the stream"}


@pytest.mark.parametrize("pictured", [True, False])
def test_nothing_to_play_is_said_so(pictured: bool) -> None:
    streams = [COVER, SOUND] if pictured else [PICTURE]
    with pytest.raises(NoMedia):
        media_info({"streams": streams, "format": FORMAT}, pictured=pictured)


@pytest.mark.parametrize("duration", ["N/A", "inf", "-3", None, "nan"])
def test_a_duration_that_is_none_is_not_known(duration: str | None) -> None:
    report = {"streams": [SOUND], "format": FORMAT | {"duration": duration}}
    assert media_info(report, pictured=False).duration is None


def test_a_strange_shape_of_pixels_is_ignored() -> None:
    report = {"streams": [PICTURE | {"sample_aspect_ratio": "0:0"}], "format": FORMAT}
    assert media_info(report, pictured=True).height == 720


@pytest.mark.parametrize(
    ("lines", "end"),
    [("", 0.0), ("1.5,0.5\n0.5,0.1\n", 2.0), ("N/A,N/A\n3,N/A,\n", 3.0), ("rubbish", 0.0)],
)
def test_the_end_is_that_of_the_last_packet(lines: str, end: float) -> None:
    assert last_end(lines) == end
