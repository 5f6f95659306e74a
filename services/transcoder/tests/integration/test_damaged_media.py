"""Files that are not what they claim: each ends with a stable code, inside its limits."""

from pathlib import Path

import pytest
from PIL import Image
from services.transcoder.tests import media
from services.transcoder.tests.integration.walls import Workbench

from common.errors import RepriseError
from transcoder.domain.errors import MEDIA_FAILURES

pytestmark = pytest.mark.integration


async def reason(bench: Workbench, file: Path, content_type: str) -> str:
    with pytest.raises(RepriseError) as caught:
        await bench.probed(file, content_type)
    assert isinstance(caught.value, MEDIA_FAILURES)
    return caught.value.code


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
async def test_a_cut_flac_is_truncated(bench: Workbench, share: float) -> None:
    whole = media.sound(bench.folder / "s.flac", seconds=20)
    await bench.probed(whole, "audio/flac")
    cut = media.cut(whole, bench.folder / "cut.flac", share)
    assert await reason(bench, cut, "audio/flac") == "truncated"


@pytest.mark.parametrize("name", ["s.wav", "s.aiff"])
async def test_a_cut_file_of_samples_is_truncated(bench: Workbench, name: str) -> None:
    whole = media.sound(bench.folder / name, seconds=10)
    content_type = {"s.wav": "audio/wav", "s.aiff": "audio/aiff"}[name]
    cut = media.cut(whole, bench.folder / f"cut-{name}")
    assert await reason(bench, cut, content_type) == "truncated"


async def test_a_cut_video_with_its_index_first_is_truncated(bench: Workbench) -> None:
    whole = media.video(bench.folder / "v.mp4", seconds=4, muxer=("-movflags", "+faststart"))
    cut = media.cut(whole, bench.folder / "cut.mp4", 0.6)
    assert await reason(bench, cut, "video/mp4") == "truncated"


async def test_a_cut_video_without_its_index_is_unreadable(bench: Workbench) -> None:
    cut = media.cut(media.video(bench.folder / "v.mp4"), bench.folder / "cut.mp4")
    assert await reason(bench, cut, "video/mp4") == "unreadable"


async def test_a_cut_photo_is_truncated(bench: Workbench) -> None:
    Image.effect_noise((600, 600), 80).save(bench.folder / "p.png")
    cut = media.cut(bench.folder / "p.png", bench.folder / "cut.png")
    with pytest.raises(RepriseError) as caught:
        await bench.encoded("image-640", cut, "image/png")
    assert caught.value.code == "truncated"


@pytest.mark.parametrize("content_type", ["audio/flac", "audio/mpeg", "video/mp4", "image/png"])
async def test_noise_is_unreadable(bench: Workbench, content_type: str) -> None:
    file = bench.folder / "noise"
    file.write_bytes(bytes(range(7, 250)) * 500)
    assert await reason(bench, file, content_type) in {"unreadable", "unsupported", "no_media"}


async def test_a_container_of_another_type_is_unsupported(bench: Workbench) -> None:
    file = media.video(bench.folder / "v.webm", muxer=("-c:v", "libvpx", "-c:a", "libopus"))
    assert await reason(bench, file, "video/mp4") == "unsupported"


async def test_sound_alone_is_no_video(bench: Workbench) -> None:
    file = media.sound(bench.folder / "s.m4a")
    assert await reason(bench, file, "video/mp4") == "no_media"


async def test_a_bomb_of_144_megapixels_is_too_large(bench: Workbench) -> None:
    Image.new("1", (12_000, 12_000)).save(bench.folder / "bomb.png")
    assert (bench.folder / "bomb.png").stat().st_size < 50_000
    assert await reason(bench, bench.folder / "bomb.png", "image/png") == "too_large"


async def test_a_format_outside_of_the_list_is_not_opened(bench: Workbench) -> None:
    Image.new("RGB", (10, 10)).save(bench.folder / "p.bmp")
    assert await reason(bench, bench.folder / "p.bmp", "image/jpeg") == "unreadable"


async def test_a_decoder_outside_of_the_list_is_not_used(bench: Workbench) -> None:
    source = media.video(bench.folder / "plain.mp4", seconds=1, size="64x64")
    clip = bench.folder / "magic.webm"
    coded = ["-an", "-pix_fmt", "yuv444p", "-c:v", "magicyuv", "-f", "matroska"]
    media.ffmpeg("-i", source, *coded, clip)
    assert await reason(bench, clip, "video/webm") == "unsupported"


async def test_a_frame_of_64_megapixels_is_refused(bench: Workbench) -> None:
    clip = bench.folder / "huge.mp4"
    frame = ["-f", "lavfi", "-i", "color=black:s=8000x8000:r=1:d=1"]
    media.ffmpeg(*frame, "-c:v", "libx264", "-preset", "ultrafast", clip)
    assert await reason(bench, clip, "video/mp4") in {"too_large", "unreadable"}
