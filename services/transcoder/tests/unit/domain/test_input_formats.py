import pytest

from transcoder.domain.errors import Unsupported
from transcoder.domain.input_formats import readers_of
from transcoder.domain.ladder import PROFILES

PLAYLISTS = {"hls", "concat", "dash", "sdp", "rtsp", "image2", "lavfi", "tee"}
SNIFFED = (
    "audio/flac audio/wav audio/aiff audio/mpeg audio/mp4 audio/aac audio/ogg audio/opus"
    " video/mp4 video/quicktime video/webm image/jpeg image/png image/webp image/gif image/tiff"
)


def test_each_type_has_the_readers_of_one_tool_and_no_playlist_among_them() -> None:
    for content_type in SNIFFED.split():
        readers = readers_of(content_type)
        assert bool(readers.pillow) != bool(readers.demuxers)
        assert not PLAYLISTS & set(readers.demuxers)
        assert "magicyuv" not in readers.decoders


def test_every_output_can_be_looked_at() -> None:
    for profile in PROFILES.values():
        readers = readers_of(profile.content_type)
        assert readers.pillow or readers.demuxers


@pytest.mark.parametrize("content_type", ["image/heic", "application/x-mpegurl", "text/plain", ""])
def test_other_types_are_unsupported(content_type: str) -> None:
    with pytest.raises(Unsupported):
        readers_of(content_type)
