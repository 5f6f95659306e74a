import pytest

from transcoder.adapters.ffmpeg_commands import encode_command
from transcoder.adapters.sandbox import Inside
from transcoder.domain.errors import NoMedia
from transcoder.domain.input_formats import readers_of
from transcoder.domain.ladder import AAC_128, MP3_192, POSTER, VIDEO_1080, Profile
from transcoder.domain.media_info import MediaInfo

INSIDE = Inside("/in/source", "/out", "/in/script.py")
FLAC = MediaInfo("flac", "flac", duration=240.0, sample_rate=96_000, channels=6)
CLIP = MediaInfo("mov", "h264", duration=20.0, width=2160, height=3841)


def command(profile: Profile, source: MediaInfo, content_type: str) -> str:
    words = encode_command(profile, source, readers_of(content_type), INSIDE)
    return " ".join(words)


def test_the_file_is_opened_behind_every_limit_before_it_is_named() -> None:
    line = command(MP3_192, FLAC, "audio/flac")
    opened = line.split(" -i file:/in/source ")[0]
    for option in ("-protocol_whitelist file ", "-format_whitelist flac ", "-max_pixels 40000000 ",
                   "-codec_whitelist flac,", "-max_streams 16 ", "-probesize "):  # fmt: skip
        assert option in f"{opened} "
    assert "-nostdin" in line
    assert "-max_alloc 536870912" in line


@pytest.mark.parametrize("profile", [MP3_192, AAC_128, VIDEO_1080, POSTER])
def test_no_metadata_goes_into_a_derivative(profile: Profile) -> None:
    source, content_type = (CLIP, "video/mp4") if profile.box[0] else (FLAC, "audio/flac")
    line = command(profile, source, content_type)
    assert "-map_metadata -1" in line
    assert "-map_chapters -1" in line


def test_mp3_has_a_constant_rate_and_a_seek_header() -> None:
    line = command(MP3_192, FLAC, "audio/flac")
    assert "-b:a 192k" in line
    assert "-write_xing 1" in line
    assert "-q:a" not in line
    assert "-ac 2" in line


@pytest.mark.parametrize(
    ("rate", "encoded"),
    [(44_100, 44_100), (48_000, 48_000), (96_000, 48_000), (88_200, 44_100), (22_050, 44_100),
     (None, 48_000)],
)  # fmt: skip
def test_a_rate_is_kept_or_divided_evenly(rate: int | None, encoded: int) -> None:
    source = MediaInfo("flac", "flac", sample_rate=rate, channels=1)
    line = command(AAC_128, source, "audio/flac")
    assert f"-ar {encoded}" in line
    assert "-ac 1" in line


def test_video_is_h264_420_with_its_index_first_and_fits_upright() -> None:
    line = command(VIDEO_1080, CLIP, "video/quicktime")
    assert "scale=1078:1920" in line or "scale=1080:1920" in line
    assert "format=yuv420p" in line
    assert "-movflags +faststart" in line
    assert "-map 0:V:0 -map 0:a:0?" in line


def test_a_poster_needs_a_picture() -> None:
    with pytest.raises(NoMedia):
        command(POSTER, FLAC, "audio/flac")


def test_the_poster_is_taken_a_tenth_into_it() -> None:
    assert "-ss 2.000" in command(POSTER, CLIP, "video/mp4")
