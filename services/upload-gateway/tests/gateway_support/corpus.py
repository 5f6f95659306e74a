"""A corpus of files, honest and hostile: what each is made of, and what must become of it."""

import io
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from PIL import Image

from common.events import MediaKind

_BY_FFMPEG = (
    "real.flac", "real.wav", "real.aiff", "real.mp3", "real.m4a", "real.aac", "real.ogg",
    "real.opus", "real.mp4", "real.mov", "real.webm", "real.mkv", "real.avi", "real.ts",
)  # fmt: skip
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
_HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>" * 9
_ID3 = b"ID3\x04\0\0\0\0\0\x04TAG!"


@dataclass(frozen=True, slots=True)
class Sample:
    """One file as a client sends it. `verdict`: the type it is kept as, or why it is refused."""

    made_of: str
    name: str
    declared: str
    kind: MediaKind
    verdict: str

    @property
    def id(self) -> str:
        return f"{self.made_of} as {self.name}, {self.declared}, {self.kind}"

    @property
    def kept(self) -> bool:
        return "/" in self.verdict


def samples() -> list[Sample]:
    """The expected table."""
    lines = (line.split() for line in _TABLE.splitlines() if line.strip())
    return [Sample(a, b, c, cast("MediaKind", d), e) for a, b, c, d, e in lines]


def make_files(folder: Path) -> dict[str, bytes]:
    """What the samples are made of; the media are real ones."""
    picture = ["-f", "lavfi", "-i", "color=red:size=64x48:duration=0.2:rate=10"]
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.2:sample_rate=48000"]
    outputs: list[str] = []
    for name in _BY_FFMPEG:
        maps = ["-map", "0:v", "-map", "1:a"] if name in _BY_FFMPEG[8:] else ["-map", "1:a"]
        outputs += [*maps, str(folder / name)]
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *picture, *sound, *outputs]
    subprocess.run(command, check=True, timeout=120)
    files = {name.partition(".")[2]: (folder / name).read_bytes() for name in _BY_FFMPEG}
    return files | _images() | _hostile(files["mp3"])


def _images() -> dict[str, bytes]:
    drawn = Image.effect_noise((40, 30), 60).convert("RGB")
    made: dict[str, bytes] = {}
    for name in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "ICO", "AVIF"):
        into = io.BytesIO()
        drawn.save(into, name)
        made[name.lower()] = into.getvalue()
    heic = b"ftypheic\0\0\0\0mif1heic"
    return made | {"heic": (len(heic) + 4).to_bytes(4, "big") + heic + bytes(64)}


def _hostile(mp3: bytes) -> dict[str, bytes]:
    images = _images()
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr("Main.class", b"\xca\xfe\xba\xbe")
    comment = b"\xff\xfe" + (len(_HTML) + 2).to_bytes(2, "big") + _HTML
    return {
        "html": _HTML,
        "html-utf16": _HTML.decode().encode("utf-16"),
        "svg": _SVG,
        "xml": b'<?xml version="1.0"?>' + _SVG,
        "pdf": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript>>>>endobj\n",
        "zip": into.getvalue(),
        "exe": b"MZ\x90\0" + bytes(60) + b"PE\0\0",
        "elf": b"\x7fELF\2\1\1" + bytes(57),
        "script": b"#!/bin/sh\nrm -rf /\n",
        "javascript": b"alert(document.domain)//\n" * 9,
        "text": b"no music at all\n" * 99,
        "playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        "concat": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
        "zeros": bytes(4096),
        "empty": b"",
        "two-bytes": b"\xff\xd8",
        "cut-png": images["png"][:6],
        "cut-riff": b"RIFF\x24\0\0\0",
        "half-jpeg": images["jpeg"][: len(images["jpeg"]) // 2],
        "gif-js": b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)",
        "gif-zip": images["gif"] + into.getvalue(),
        "jpeg-html": images["jpeg"][:2] + comment + images["jpeg"][2:],
        "pdf-jpeg": b"%PDF-1.7\n" + images["jpeg"],
        "png-html": images["png"] + _HTML,
        "html-png": _HTML + images["png"],
        "id3-html": _ID3 + _HTML,
        "id3-mp3": _ID3 + mp3[mp3.index(b"\xff\xfb") :],
        "text-id3": b"ID3 is how this text begins",
    }


_TABLE = """
flac        a.flac    audio/flac                audio   audio/flac
flac        a.flac    application/octet-stream  audio   audio/flac
flac        a.mp3     audio/mpeg                audio   extension_mismatch
flac        a.flac    audio/mpeg                audio   type_mismatch
flac        a.exe     audio/flac                audio   extension_mismatch
wav         a.wav     audio/x-wav               audio   audio/wav
wav         a.wave    audio/wave                audio   audio/wav
wav         a.aiff    audio/aiff                audio   extension_mismatch
wav         a.wav     audio/flac                audio   type_mismatch
aiff        a.aif     audio/aiff                audio   audio/aiff
aiff        a.wav     audio/wav                 audio   extension_mismatch
aiff        a.aiff    audio/wav                 audio   type_mismatch
mp3         a.mp3     audio/mpeg                audio   audio/mpeg
mp3         A.MP3     audio/mp3                 audio   audio/mpeg
mp3         a.wav     audio/wav                 audio   extension_mismatch
mp3         a.mp3     audio/ogg                 audio   type_mismatch
id3-mp3     a.mp3     audio/mpeg                audio   audio/mpeg
m4a         a.m4a     audio/mp4                 audio   audio/mp4
m4a         a.m4a     audio/x-m4a               audio   audio/mp4
m4a         a.aac     audio/aac                 audio   extension_mismatch
m4a         a.m4a     audio/aac                 audio   type_mismatch
m4a         a.mp4     video/mp4                 video   content_not_allowed
mp4         a.m4a     audio/mp4                 audio   audio/mp4
flac        a.mp4     video/mp4                 video   content_not_allowed
flac        a.jpg     image/jpeg                image   content_not_allowed
webm        a.ogg     audio/ogg                 audio   content_not_allowed
jpeg        a.flac    audio/flac                audio   content_not_allowed
aac         a.aac     audio/aac                 audio   audio/aac
aac         a.m4a     audio/mp4                 audio   extension_mismatch
aac         a.aac     audio/mpeg                audio   type_mismatch
ogg         a.ogg     audio/ogg                 audio   audio/ogg
ogg         a.oga     application/ogg           audio   audio/ogg
ogg         a.opus    audio/opus                audio   extension_mismatch
ogg         a.ogg     audio/opus                audio   type_mismatch
opus        a.opus    audio/opus                audio   audio/opus
opus        a.ogg     audio/ogg                 audio   audio/opus
opus        a.flac    audio/flac                audio   extension_mismatch
opus        a.opus    audio/vorbis              audio   type_mismatch
jpeg        a.jpg     image/jpeg                image   image/jpeg
jpeg        a.jfif    image/pjpeg               image   image/jpeg
jpeg        a.png     image/jpeg                image   extension_mismatch
jpeg        a.jpg     image/png                 image   type_mismatch
jpeg        a         image/png                 image   type_mismatch
jpeg        a.jpg     image/jpeg                avatar  image/jpeg
png         a.png     image/png                 image   image/png
png         a.jpg     image/jpeg                image   extension_mismatch
png         a.png     image/webp                image   type_mismatch
webp        a.webp    image/webp                image   image/webp
webp        a.png     image/png                 image   extension_mismatch
webp        a.webp    image/gif                 image   type_mismatch
gif         a.gif     image/gif                 image   image/gif
gif         a.png     image/png                 image   extension_mismatch
gif         a.gif     image/png                 image   type_mismatch
gif         a.mp4     video/mp4                 video   content_not_allowed
gif         a.gif     image/gif                 avatar  type_not_allowed
gif         a.png     image/png                 avatar  content_not_allowed
png         a.png     image/png                 avatar  image/png
png         a.jpg     image/jpeg                avatar  extension_mismatch
webp        a.webp    image/webp                avatar  image/webp
webp        a.webp    image/png                 avatar  type_mismatch
heic        a.jpg     image/jpeg                avatar  content_not_allowed
mp4         a.jpg     image/jpeg                avatar  content_not_allowed
tiff        a.tif     image/tiff                image   image/tiff
tiff        a.jpg     image/jpeg                image   extension_mismatch
tiff        a.tiff    image/jpeg                image   type_mismatch
heic        a.heic    image/heif                image   image/heic
heic        a.jpg     image/jpeg                image   extension_mismatch
heic        a.heic    image/jpeg                image   type_mismatch
mp4         a.mp4     video/mp4                 video   video/mp4
mp4         a.mov     video/quicktime           video   extension_mismatch
mp4         a.mp4     video/webm                video   type_mismatch
mov         a.mov     video/quicktime           video   video/quicktime
mov         a.mp4     video/mp4                 video   extension_mismatch
mov         a.mov     video/mp4                 video   type_mismatch
webm        a.webm    video/webm                video   video/webm
webm        a.mp4     video/mp4                 video   extension_mismatch
webm        a.webm    video/mp4                 video   type_mismatch
mkv         a.webm    video/webm                video   unrecognized_content
mkv         a.mkv     video/x-matroska          video   type_not_allowed
avi         a.mp4     video/mp4                 video   unrecognized_content
ts          a.mp4     video/mp4                 video   unrecognized_content
bmp         a.png     image/png                 image   unrecognized_content
bmp         a.bmp     image/bmp                 image   type_not_allowed
ico         a.png     image/png                 image   unrecognized_content
avif        a.heic    image/heic                image   unrecognized_content
html        a.jpg     image/jpeg                image   unrecognized_content
html        a.html    text/html                 image   type_not_allowed
html-utf16  a.png     image/png                 image   unrecognized_content
svg         a.svg     image/svg+xml             image   type_not_allowed
svg         a.svg     application/octet-stream  image   unrecognized_content
svg         a.png     image/png                 image   unrecognized_content
xml         a.gif     image/gif                 image   unrecognized_content
pdf         a.pdf     application/pdf           image   type_not_allowed
pdf         a.jpg     image/jpeg                image   unrecognized_content
zip         a.flac    audio/flac                audio   unrecognized_content
exe         a.mp3     audio/mpeg                audio   unrecognized_content
elf         a.wav     audio/wav                 audio   unrecognized_content
script      a.mp3     audio/mpeg                audio   unrecognized_content
javascript  a.mp3     audio/mpeg                audio   unrecognized_content
text        a.mp3     audio/mpeg                audio   unrecognized_content
text        a.txt     text/plain                audio   type_not_allowed
playlist    a.mp4     video/mp4                 video   unrecognized_content
concat      a.mp4     video/mp4                 video   unrecognized_content
sdp         a.mp4     video/mp4                 video   unrecognized_content
zeros       a.mp3     audio/mpeg                audio   unrecognized_content
empty       a.mp3     audio/mpeg                audio   empty
two-bytes   a.jpg     image/jpeg                image   unrecognized_content
cut-png     a.png     image/png                 image   unrecognized_content
cut-riff    a.wav     audio/wav                 audio   unrecognized_content
half-jpeg   a.jpg     image/jpeg                image   image/jpeg
gif-js      a.gif     image/gif                 image   image/gif
gif-js      a.js      application/octet-stream  image   extension_mismatch
gif-zip     a.gif     image/gif                 image   image/gif
gif-zip     a.jar     application/octet-stream  image   extension_mismatch
jpeg-html   a.jpg     image/jpeg                image   image/jpeg
jpeg-html   a.html    application/octet-stream  image   extension_mismatch
pdf-jpeg    a.jpg     image/jpeg                image   unrecognized_content
png-html    a.png     image/png                 image   image/png
html-png    a.png     image/png                 image   unrecognized_content
id3-html    a.mp3     audio/mpeg                audio   unrecognized_content
text-id3    a.mp3     audio/mpeg                audio   unrecognized_content
"""
