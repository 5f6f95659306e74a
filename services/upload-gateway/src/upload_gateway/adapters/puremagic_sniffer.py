"""Formats by first bytes: puremagic names the family, three containers are asked for more.

puremagic alone cannot tell Opus from Vorbis, M4A from MP4, nor an HEIC of the generic brand: the
codec, brand or document type that decides stands a few bytes behind the signature.
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


def _matroska(opening: bytes) -> frozenset[Format]:
    """RFC 8794: DocType (0x4282) within the header, its length in one byte."""
    at = opening.find(b"\x42\x82", 0, 64)
    return frozenset({"webm"}) if opening[at + 3 : at + 7] == b"webm" and at > 0 else frozenset()


_CONTAINERS: tuple[tuple[bytes, int, Callable[[bytes], frozenset[Format]]], ...] = (
    (b"ftyp", 4, _iso_media),
    (b"OggS", 0, _ogg),
    (b"\x1a\x45\xdf\xa3", 0, _matroska),
)
