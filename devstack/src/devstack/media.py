"""Makes media files that are the same at every call: for the demo in full, for tests in small."""

import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from devstack.errors import DevstackError

_EXACT = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
# A chord over a bed of seeded noise: compresses like music, not like silence.
_TONES = tuple(f"sine=frequency={hertz}:sample_rate=44100" for hertz in (220, 331, 443))
_NOISE = "anoisesrc=sample_rate=44100:amplitude=0.4:color=pink:seed=7"
_TAGS = {"title": "Night Set", "artist": "Example Artist", "album": "Deterministic", "date": "2024"}

_EXIF_MAKE, _EXIF_ORIENTATION, _EXIF_TAKEN = 0x010F, 0x0112, 0x0132
_EXIF_GPS_FOLDER = 0x8825
_ROTATED_BY_90 = 6


def make_flac(path: Path, seconds: float = 240) -> Path:
    """A tagged stereo FLAC; 240 s are about 20 MB."""
    inputs = [word for source in (*_TONES, _NOISE) for word in _source(source, seconds)]
    mix = "amix=inputs=4,aformat=sample_fmts=s16:channel_layouts=stereo,aphaser"
    return _ffmpeg([*inputs, "-filter_complex", mix, *_tags(), "-c:a", "flac"], path)


def make_mp4(path: Path, seconds: float = 20, width: int = 1280, height: int = 720) -> Path:
    """H.264 and AAC; 20 s at full size are about 12 MB."""
    picture = f"testsrc2=size={width}x{height}:rate=25"
    inputs = [*_source(picture, seconds), *_source(_TONES[0], seconds)]
    # The result depends on the number of threads, so it is said.
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-threads", "2", "-pix_fmt", "yuv420p"]
    rate = ["-b:v", f"{width * height * 5}", "-g", "50"]
    return _ffmpeg([*inputs, *video, *rate, "-c:a", "aac", "-b:a", "128k", "-shortest"], path)


def make_jpeg(path: Path, width: int = 6000, height: int = 4000) -> Path:
    """A photograph's stand-in: stored on its side, with the place where it was never taken."""
    dice = random.Random(7)
    bands = [_band(dice, width, height) for _ in range(3)]
    exif = Image.Exif()
    exif[_EXIF_MAKE] = "Reprise"
    exif[_EXIF_ORIENTATION] = _ROTATED_BY_90
    exif[_EXIF_TAKEN] = "2024:06:01 12:00:00"
    exif.get_ifd(_EXIF_GPS_FOLDER).update(
        {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
    )
    Image.merge("RGB", bands).save(path, "JPEG", quality=92, exif=exif)
    return path


def _band(dice: random.Random, width: int, height: int) -> Image.Image:
    """Large soft shapes with grain, so that the file has a photograph's weight."""
    soft = Image.frombytes("L", (32, 24), dice.randbytes(32 * 24))
    grain = Image.frombytes("L", (width, height), dice.randbytes(width * height))
    return Image.blend(soft.resize((width, height), Image.Resampling.BICUBIC), grain, 0.16)


def _source(filters: str, seconds: float) -> list[str]:
    return ["-f", "lavfi", "-t", f"{seconds}", "-i", filters]


def _tags() -> list[str]:
    return [word for key, value in _TAGS.items() for word in ("-metadata", f"{key}={value}")]


def _ffmpeg(arguments: Sequence[str], path: Path) -> Path:
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments, *_EXACT, str(path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        raise DevstackError(f"ffmpeg could not make {path.name}: {done.stderr.strip()[-500:]}")
    return path
