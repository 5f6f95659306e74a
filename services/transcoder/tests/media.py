"""Small files for tests, made outside of any sandbox; the same bytes every time."""

import subprocess
from pathlib import Path

from PIL import Image, ImageCms

CANARY = "canary-7f3a-in-the-metadata"
_NOISE = "anoisesrc=d={seconds}:c=pink:r={rate}:seed=1:a=0.5"
_PICTURE = "testsrc2=d={seconds}:s={size}:r=25"


def ffmpeg(*arguments: object) -> None:
    """Raises with the encoder's own words."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)


def sound(
    path: Path, *codec: str, seconds: float = 2.0, rate: int = 44_100, channels: int = 2
) -> Path:
    """Noise, so that encoders have something to do; with a tag that must not go further."""
    noise = _NOISE.format(seconds=seconds, rate=rate)
    tags = ["-metadata", f"title={CANARY}", "-metadata", f"comment={CANARY}"]
    ffmpeg("-f", "lavfi", "-i", noise, "-ac", channels, *tags, *codec, path)
    return path


def video(
    path: Path, *, seconds: float = 2.0, size: str = "640x360", muxer: tuple[str, ...] = ()
) -> Path:
    """A moving picture with sound, tagged."""
    picture, noise = (
        _PICTURE.format(seconds=seconds, size=size),
        _NOISE.format(seconds=seconds, rate=48_000),
    )
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", noise]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    tags = ["-metadata", f"title={CANARY}", "-metadata", "location=+48.2+016.3/"]
    ffmpeg(*inputs, *coded, *tags, *muxer, path)
    return path


def photo(path: Path, *, size: tuple[int, int] = (1200, 800), orientation: int = 6) -> Path:
    """Red in its stored top left corner, with EXIF, a comment and a profile that is not sRGB."""
    image = Image.new("RGB", size, "blue")
    image.paste((255, 0, 0), (0, 0, size[0] // 4, size[1] // 4))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = CANARY
    exif.get_ifd(0x8769)[0x9003] = "2024:05:01 10:00:00"
    exif.get_ifd(0x8825)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(path, exif=exif, comment=CANARY.encode(), icc_profile=profile, quality=90)
    return path


def cut(path: Path, into: Path, share: float = 0.5) -> Path:
    """The first part of a file's bytes."""
    whole = path.read_bytes()
    into.write_bytes(whole[: int(len(whole) * share)])
    return into


def has_index_first(path: Path) -> bool:
    """Whether `moov` stands before `mdat`: a player can begin before it has the whole file."""
    data, at, order = path.read_bytes(), 0, []
    while at + 8 <= len(data):
        order.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4], "big") or len(data)
    return order.index(b"moov") < order.index(b"mdat")
