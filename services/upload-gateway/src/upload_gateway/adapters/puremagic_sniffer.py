"""Formats by first bytes: puremagic names the family, some beginnings are asked for more.

puremagic alone cannot tell Opus from Vorbis, M4A from MP4, nor an HEIC of the generic brand: the
codec, brand or document type that decides stands a few bytes behind the signature. And it takes any
text that begins with `ID3` for music, and two bytes for a JPEG.
"""

from collections.abc import Callable

import puremagic

from upload_gateway.domain.formats import Format

_FAMILIES: dict[str, Format] = {
    ".flac": "flac",
    ".wav": "wav",
    ".aiff": "aiff",
    ".aif": "aiff",
    ".aifc": "aiff",
    ".mp3": "mp3",
    ".mpga": "mp3",
    ".aac": "aac",
    ".jfif": "jpeg",
    ".jpeg": "jpeg",
    ".jpe": "jpeg",
    ".jpg": "jpeg",
    ".png": "png",
    ".webp": "webp",
    ".gif": "gif",
    ".tiff": "tiff",
    ".tif": "tiff",
}
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})
_AUDIO_ONLY = frozenset({b"M4A ", b"M4B "})
_MP4 = frozenset({
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9",
    b"mp41", b"mp42", b"avc1", b"M4V ", b"M4VH", b"M4VP", b"MSNV", b"dash", b"f4v ",
})  # fmt: skip
_MAX_BRANDS = 64


class PuremagicSniffer:
    """No I/O; some tenths of a millisecond."""

    def formats(self, opening: bytes) -> frozenset[Format]:
        for mark, at, look in _CONTAINERS:
            if opening[at : at + len(mark)] == mark:
                return look(opening)
        return _family(opening)


def _family(opening: bytes) -> frozenset[Format]:
    try:
        found = puremagic.magic_string(opening)
    except (puremagic.PureError, ValueError):
        return frozenset()
    best = found[0].extension if found else ""
    return frozenset({_FAMILIES[best]}) if best in _FAMILIES else frozenset()


def _iso_media(opening: bytes) -> frozenset[Format]:
    """ISO 14496-12: the major brand, then the compatible ones."""
    size = min(int.from_bytes(opening[:4], "big"), 16 + 4 * _MAX_BRANDS, len(opening))
    major = opening[8:12]
    brands = {major, *(opening[at : at + 4] for at in range(16, size - 3, 4))}
    if major == b"qt  ":
        return frozenset({"mov"})
    if major in _HEIC or (major in {b"mif1", b"msf1"} and brands & _HEIC):
        return frozenset({"heic"})
    if major in _AUDIO_ONLY:
        return frozenset({"m4a"})
    # these brands do not say whether there is a picture
    return frozenset({"mp4", "m4a"}) if brands & _MP4 else frozenset()


def _ogg(opening: bytes) -> frozenset[Format]:
    """RFC 3533: the first packet of the first page names the codec of the first stream."""
    packet = opening[27 + (opening[26] if len(opening) > 26 else 0) :]
    if packet.startswith(b"OpusHead"):
        return frozenset({"opus"})
    audio = packet.startswith((b"\x01vorbis", b"\x7fFLAC", b"Speex   "))
    return frozenset({"ogg"}) if audio else frozenset()


def _tagged(opening: bytes) -> frozenset[Format]:
    """An ID3v2 tag says nothing by itself: what follows it does, where it ends within sight."""
    head, size = opening[:10], opening[6:10]
    if len(head) < 10 or head[3] not in {2, 3, 4} or max(size) > 0x7F:
        return frozenset()
    end = 10 + sum(byte << 7 * place for place, byte in enumerate(reversed(size)))
    audio = opening[end:].lstrip(b"\0")
    if not audio:
        return frozenset({"mp3"})  # a large cover; the prober has the last word
    if audio.startswith(b"fLaC"):
        return frozenset({"flac"})
    return _mpeg_frame(audio)


def _mpeg_frame(audio: bytes) -> frozenset[Format]:
    """Frame sync of 11 bits; layer 0 is how ADTS differs from MPEG audio."""
    if len(audio) < 2 or audio[0] != 0xFF or audio[1] & 0xE0 != 0xE0:
        return frozenset()
    return frozenset({"aac"}) if audio[1] & 0xF6 == 0xF0 else frozenset({"mp3"})


def _jpeg(opening: bytes) -> frozenset[Format]:
    """ISO 10918-1: a marker follows the one that begins an image; two bytes alone are none."""
    return frozenset({"jpeg"}) if opening[2:3] == b"\xff" else frozenset()


def _matroska(opening: bytes) -> frozenset[Format]:
    """RFC 8794: DocType (0x4282) within the header, its length in one byte."""
    at = opening.find(b"\x42\x82", 0, 64)
    return frozenset({"webm"}) if opening[at + 3 : at + 7] == b"webm" and at > 0 else frozenset()


_CONTAINERS: tuple[tuple[bytes, int, Callable[[bytes], frozenset[Format]]], ...] = (
    (b"ftyp", 4, _iso_media),
    (b"OggS", 0, _ogg),
    (b"ID3", 0, _tagged),
    (b"\x1a\x45\xdf\xa3", 0, _matroska),
    (b"\xff\xd8", 0, _jpeg),
)
