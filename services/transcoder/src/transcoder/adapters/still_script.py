"""Runs inside the sandbox, alone.

Reads one picture with Pillow and says or writes what was asked for.

Started by path as `python -I script.py probe|render <formats> <source> [<output> <type> <box>
<quality>]`; it must import nothing but Pillow and the standard library. Prints one JSON object;
status 3 says `code` of a refusal.
"""

import io
import json
import sys
import warnings

from PIL import Image, ImageCms, UnidentifiedImageError

MAX_PIXELS = 50_000_000  # imgproxy's default; 144 MP in a file of 17 KB need 700 MiB
ORIENTATION, TAKEN, TAKEN_OFFSET = 0x0112, 0x9003, 0x9011
EXIF_IFD = 0x8769
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
REFUSED = 3


def opened(source: str, formats: str) -> Image.Image:
    """Only the named formats, and a picture within its limits before anything of it is decoded."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    return Image.open(source, formats=formats.split(","))


def probe(source: str, formats: str) -> dict[str, object]:
    """Format, size as shown, and when it was taken."""
    with opened(source, formats) as image:
        exif = image.getexif()
        width, height = image.size
        turned = exif.get(ORIENTATION) in {5, 6, 7, 8}
        camera = exif.get_ifd(EXIF_IFD)
        return {
            "format": "jpeg" if image.format == "MPO" else str(image.format).lower(),
            "width": height if turned else width,
            "height": width if turned else height,
            "taken": str(camera.get(TAKEN, "")),
            "offset": str(camera.get(TAKEN_OFFSET, "")),
        }


def render(
    source: str, formats: str, output: str, kind: str, box: int, quality: int
) -> dict[str, object]:
    """A fresh picture: decoded wholly, turned upright, in sRGB, inside the box.

    With nothing but its pixels.
    """
    with opened(source, formats) as image:
        profile = image.info.get("icc_profile")
        orientation = image.getexif().get(ORIENTATION, 1)
        if min(image.size) >= 2 * box:
            # a JPEG is decoded no larger than it has to be
            image.draft(None, (box * 2, box * 2))
        small = shrunk(image, box)
    small = upright(in_srgb(small, profile), orientation)
    fresh = Image.new(small.mode, small.size)
    fresh.paste(small)
    fresh.save(output, format=kind, quality=quality, method=4)
    return {"width": fresh.width, "height": fresh.height}


def shrunk(image: Image.Image, box: int) -> Image.Image:
    """Its first frame, in a mode that can be resampled, never enlarged."""
    if image.mode in {"P", "PA", "1"} or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode.startswith("I"):
        # 16 bits of grey: the eight that a screen shows
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    image.thumbnail((box, box), Image.Resampling.LANCZOS, reducing_gap=2.0)
    image.load()  # a picture that fits already was not decoded yet
    return image


def in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as a browser without colour management shows them.

    A profile that does not fit is ignored.
    """
    mode = "RGBA" if "A" in image.mode else "RGB"
    if profile and image.mode in {"RGB", "RGBA", "CMYK", "L"}:
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode=mode,
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            return converted
    return image.convert(mode)


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turned by the tag that is about to be dropped."""
    turn = TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def refusal(error: BaseException) -> str:
    """The stable code of what Pillow said; it raises a dozen kinds for damaged files."""
    if isinstance(
        error, (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError)
    ):
        return "too_large"
    if isinstance(error, UnidentifiedImageError):
        return "unreadable"
    words = str(error).lower()
    return "truncated" if "truncated" in words or "unexpected end" in words else "unreadable"


def main(arguments: list[str]) -> int:
    """One task, one answer."""
    task, formats, source, *rest = arguments
    try:
        if task == "probe":
            answer = probe(source, formats)
        else:
            output, kind, box, quality = rest
            answer = render(source, formats, output, kind, int(box), int(quality))
    except Exception as error:  # noqa: BLE001 (any failure here is the file's: it must never look like an outage)
        sys.stdout.write(json.dumps({"code": refusal(error), "detail": type(error).__name__}))
        return REFUSED
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
