"""The made files are what they claim to be, and the same each time."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from devstack.media import make_flac, make_jpeg, make_mp4

pytestmark = pytest.mark.integration


def _probe(path: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=20)
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda path: make_flac(path, seconds=1), "a.flac"),
        (lambda path: make_mp4(path, seconds=1, width=320, height=240), "a.mp4"),
        (lambda path: make_jpeg(path, width=640, height=480), "a.jpg"),
    ],
)
def test_a_file_made_twice_is_the_same(
    tmp_path: Path, make: Callable[[Path], Path], name: str
) -> None:
    first, second = tmp_path / name, tmp_path / f"again-{name}"
    digests = {hashlib.sha256(make(path).read_bytes()).hexdigest() for path in (first, second)}
    assert len(digests) == 1


def test_the_flac_is_tagged_stereo_of_its_length(tmp_path: Path) -> None:
    probed = _probe(make_flac(tmp_path / "a.flac", seconds=2))
    (stream,) = probed["streams"]
    assert (stream["codec_name"], stream["channels"]) == ("flac", 2)
    assert float(probed["format"]["duration"]) == pytest.approx(2, abs=0.1)
    assert probed["format"]["tags"]["title"]


def test_the_video_is_h264_and_aac(tmp_path: Path) -> None:
    probed = _probe(make_mp4(tmp_path / "a.mp4", seconds=1, width=320, height=240))
    assert [one["codec_name"] for one in probed["streams"]] == ["h264", "aac"]


def test_the_photograph_lies_on_its_side_and_knows_a_place(tmp_path: Path) -> None:
    with Image.open(make_jpeg(tmp_path / "a.jpg", width=640, height=480)) as image:
        exif = image.getexif()
        assert (image.size, exif[0x0112]) == ((640, 480), 6)
        assert exif.get_ifd(0x8825)[1] == "N"
