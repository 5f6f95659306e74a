"""What the encoders write.

Looked at from outside of the sandbox by ffprobe and Pillow themselves.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from services.transcoder.tests import media
from services.transcoder.tests.integration.walls import Workbench, a_source

from transcoder.adapters.container_sandbox import ContainerSandbox
from transcoder.adapters.media_tools import MediaEncoder
from transcoder.adapters.pillow_images import PillowImages
from transcoder.domain.ladder import PROFILES
from transcoder.domain.verification import verify_output

pytestmark = pytest.mark.integration


def looked_at(file: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(file)]
    told = subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
    report: dict[str, Any] = json.loads(told)
    return report


@pytest.mark.parametrize(
    ("rendition", "codec", "bits"), [("mp3-192", "mp3", 192_000), ("aac-128", "aac", 128_000)]
)
@pytest.mark.parametrize(
    ("source_rate", "source_channels", "rate", "channels"),
    [(44_100, 2, 44_100, 2), (96_000, 6, 48_000, 2), (48_000, 1, 48_000, 1)],
)
async def test_an_audio_tier_has_its_codec_rate_and_channels(
    bench: Workbench,
    rendition: str,
    codec: str,
    bits: int,
    source_rate: int,
    source_channels: int,
    rate: int,
    channels: int,
) -> None:
    source = media.sound(
        bench.folder / "s.flac", seconds=8, rate=source_rate, channels=source_channels
    )
    file = await bench.encoded(rendition, source, "audio/flac")
    report = looked_at(file)
    (stream,) = report["streams"]
    assert stream["codec_name"] == codec
    assert (int(stream["sample_rate"]), stream["channels"]) == (rate, channels)
    assert abs(int(stream["bit_rate"]) - bits) <= bits * 0.05
    assert abs(float(report["format"]["duration"]) - 8) < 0.1
    assert media.CANARY.encode() not in file.read_bytes()
    info = await bench.probed(source, "audio/flac")
    output = await bench.prober.probe(file, PROFILES[rendition].content_type)
    verify_output(PROFILES[rendition], info, output)


async def test_mp3_is_constant_and_tells_its_length_first(bench: Workbench) -> None:
    source = media.sound(bench.folder / "s.flac")
    data = (await bench.encoded("mp3-192", source, "audio/flac")).read_bytes()
    assert data[:2] == b"\xff\xfb"  # a frame at once: no ID3 tag
    assert b"Info" in data[:64]  # the header of a constant rate, not Xing of a variable one


async def test_aac_has_its_index_first(bench: Workbench) -> None:
    source = media.sound(bench.folder / "s.flac")
    assert media.has_index_first(await bench.encoded("aac-128", source, "audio/flac"))


@pytest.mark.parametrize(
    ("name", "content_type", "codec"),
    [
        ("s.wav", "audio/wav", []),
        ("s.aiff", "audio/aiff", []),
        ("s.mp3", "audio/mpeg", ["-b:a", "320k"]),
        ("s.m4a", "audio/mp4", ["-c:a", "alac"]),
        ("s.aac", "audio/aac", []),
        ("s.ogg", "audio/ogg", ["-c:a", "libvorbis"]),
        ("s.opus", "audio/opus", ["-c:a", "libopus"]),
    ],
)
async def test_every_kind_of_sound_is_read(
    bench: Workbench, name: str, content_type: str, codec: list[str]
) -> None:
    source = media.sound(bench.folder / name, *codec, rate=48_000)
    file = await bench.encoded("mp3-192", source, content_type)
    assert abs(float(looked_at(file)["format"]["duration"]) - 2) < 0.15


async def test_video_is_h264_420_with_sound_and_its_index_first(bench: Workbench) -> None:
    source = media.video(bench.folder / "v.mp4", size="2560x1440", seconds=1)
    file = await bench.encoded("video-1080", source, "video/mp4")
    streams = {stream["codec_type"]: stream for stream in looked_at(file)["streams"]}
    picture = streams["video"]
    assert (picture["codec_name"], picture["pix_fmt"]) == ("h264", "yuv420p")
    assert (picture["width"], picture["height"]) == (1920, 1080)
    assert streams["audio"]["codec_name"] == "aac"
    assert media.has_index_first(file)
    assert media.CANARY.encode() not in file.read_bytes()
    assert b"+48.2" not in file.read_bytes()


@pytest.mark.parametrize(
    ("name", "content_type", "muxer"),
    [
        ("v.mov", "video/quicktime", ()),
        ("v.webm", "video/webm", ("-c:v", "libvpx", "-c:a", "libopus")),
        ("silent.mp4", "video/mp4", ("-an",)),
    ],
)
async def test_every_kind_of_video_is_read(
    bench: Workbench, name: str, content_type: str, muxer: tuple[str, ...]
) -> None:
    source = media.video(bench.folder / name, seconds=1, muxer=muxer)
    info = await bench.probed(source, content_type)
    file = await bench.encoded("video-1080", source, content_type)
    output = await bench.prober.probe(file, "video/mp4")
    verify_output(PROFILES["video-1080"], info, output)
    assert (output.width, output.height) == (640, 360)


async def test_a_turned_video_stands_upright(bench: Workbench) -> None:
    flat = media.video(bench.folder / "flat.mp4", seconds=1)
    source = bench.folder / "turned.mp4"
    media.ffmpeg("-i", flat, "-c", "copy", "-metadata:s:v:0", "rotate=90", source)
    info = await bench.probed(source, "video/mp4")
    assert (info.width, info.height) == (360, 640)
    file = await bench.encoded("video-1080", source, "video/mp4")
    assert (looked_at(file)["streams"][0]["width"], info.width) == (360, 360)


async def test_the_poster_is_a_jpeg_without_metadata(bench: Workbench) -> None:
    source = media.video(bench.folder / "v.mp4", size="1920x1080")
    file = await bench.encoded("poster", source, "video/mp4")
    with Image.open(file) as poster:
        assert (poster.format, poster.size) == ("JPEG", (1280, 720))
        assert "exif" not in poster.info
        assert "comment" not in poster.info
    assert media.CANARY.encode() not in file.read_bytes()


async def test_a_photo_is_turned_shrunk_and_stripped(bench: Workbench) -> None:
    source = media.photo(bench.folder / "p.jpg")
    info = await bench.probed(source, "image/jpeg")
    assert (info.width, info.height) == (800, 1200)
    assert info.captured_at is not None
    file = await bench.encoded("image-640", source, "image/jpeg")
    data = file.read_bytes()
    for trace in (media.CANARY.encode(), b"EXIF", b"Exif", b"ICCP", b"XMP "):
        assert trace not in data
    with Image.open(file) as image:
        assert (image.format, image.size) == ("WEBP", (427, 640))
        colours = image.convert("RGB")
        assert _is_red(colours.getpixel((400, 20)))  # top left as stored is top right as shown
        assert not _is_red(colours.getpixel((20, 20)))


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_every_orientation_is_applied(bench: Workbench, orientation: int) -> None:
    source = media.photo(bench.folder / "p.jpg", size=(400, 200), orientation=orientation)
    file = await bench.encoded("image-640", source, "image/jpeg")
    corners = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (1, 0), (1, 1), (0, 1)]
    with Image.open(file) as image:
        width, height = image.size
        assert (width, height) == ((200, 400) if orientation > 4 else (400, 200))
        across, down = corners[orientation - 1]
        place = (10 + across * (width - 20), 10 + down * (height - 20))
        assert _is_red(image.convert("RGB").getpixel(place))


@pytest.mark.parametrize(
    ("name", "content_type", "mode"),
    [
        ("p.png", "image/png", "RGBA"),
        ("p.png", "image/png", "I;16"),
        ("p.png", "image/png", "P"),
        ("p.png", "image/png", "LA"),
        ("p.gif", "image/gif", "P"),
        ("p.webp", "image/webp", "RGB"),
        ("p.tiff", "image/tiff", "CMYK"),
        ("p.jpg", "image/jpeg", "L"),
        ("p.jpg", "image/jpeg", "CMYK"),
    ],
)
async def test_every_kind_of_picture_is_read(
    bench: Workbench, name: str, content_type: str, mode: str
) -> None:
    source = bench.folder / name
    Image.new(mode, (900, 300)).save(source)
    file = await bench.encoded("image-640", source, content_type)
    with Image.open(file) as image:
        assert image.size == (640, 213)


async def test_a_small_picture_is_not_enlarged(bench: Workbench) -> None:
    Image.new("RGB", (20, 10)).save(bench.folder / "p.png")
    file = await bench.encoded("image-640", bench.folder / "p.png", "image/png")
    with Image.open(file) as image:
        assert image.size == (20, 10)


def _is_red(pixel: object) -> bool:
    assert isinstance(pixel, tuple)
    red, green, blue = pixel[:3]
    return bool(red > 180 and green < 90 and blue < 90)


async def test_the_container_level_makes_the_same_tier(bench: Workbench) -> None:
    source = media.sound(bench.folder / "s.flac")
    walled = (await bench.encoded("mp3-192", source, "audio/flac")).read_bytes()
    info, sandbox = await bench.probed(source, "audio/flac"), ContainerSandbox()
    tools = MediaEncoder(sandbox, PillowImages(sandbox))
    profile = PROFILES["mp3-192"]
    file = await tools.encode(profile, a_source("audio/flac"), info, bench.place(source))
    assert file.read_bytes() == walled


async def test_the_container_level_reads_pictures(bench: Workbench) -> None:
    source, sandbox = media.photo(bench.folder / "p.jpg"), ContainerSandbox()
    tools = MediaEncoder(sandbox, PillowImages(sandbox))
    info = await bench.probed(source, "image/jpeg")
    place = bench.place(source)
    file = await tools.encode(PROFILES["image-640"], a_source("image/jpeg"), info, place)
    with Image.open(file) as image:
        assert image.size == (427, 640)
