import struct

import pytest

from upload_gateway.adapters.puremagic_sniffer import PuremagicSniffer
from upload_gateway.domain.formats import Format


def box(*brands: bytes) -> bytes:
    body = b"ftyp" + brands[0] + b"\0\0\2\0" + b"".join(brands[1:])
    return struct.pack(">I", len(body) + 4) + body + b"\0" * 64


def page(packet: bytes) -> bytes:
    return b"OggS\0\2" + b"\0" * 20 + b"\1" + bytes([len(packet)]) + packet


def matroska(kind: bytes) -> bytes:
    header = b"\x42\x86\x81\x01\x42\x82" + bytes([0x80 | len(kind)]) + kind
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(header)]) + header + b"\0" * 32


@pytest.mark.parametrize(
    ("opening", "formats"),
    [
        (b"fLaC\0\0\0\x22" + b"\0" * 64, {"flac"}),
        (b"RIFF\0\0\0\0WAVEfmt " + b"\0" * 64, {"wav"}),
        (b"FORM\0\0\0\0AIFFCOMM" + b"\0" * 64, {"aiff"}),
        (b"ID3\x04\0\0\0\0\0\x00" + b"\xff\xfb\x90\x64" + b"\0" * 64, {"mp3"}),
        (b"\xff\xfb\x90\x64" + b"\0" * 400, {"mp3"}),
        (b"ID3\x03\0\0\0\7\x7f\x7f" + b"\xab" * 99, {"mp3"}),
        (b"ID3\x04\0\0\0\0\0\x04TAG!\0\0\xff\xf1\x50\x80", {"aac"}),
        (b"ID3\x04\0\0\0\0\0\x04TAG!fLaC\0\0\0\x22", {"flac"}),
        (b"ID3\x04\0\0\0\0\0\x04TAG!<html>", set()),
        (b"ID3 is how this text begins", set()),
        (b"ID3", set()),
        (b"\xff\xf1\x50\x80" + b"\0" * 400, {"aac"}),
        (box(b"M4A ", b"mp42", b"isom"), {"m4a"}),
        (box(b"isom", b"iso2", b"avc1", b"mp41"), {"mp4", "m4a"}),
        (box(b"qt  ", b"qt  "), {"mov"}),
        (box(b"heic", b"mif1", b"heic"), {"heic"}),
        (box(b"mif1", b"mif1", b"heic", b"miaf"), {"heic"}),
        (box(b"avif", b"mif1"), set()),
        (page(b"OpusHead\1\2"), {"opus"}),
        (page(b"\x01vorbis"), {"ogg"}),
        (page(b"\x80theora"), set()),
        (matroska(b"webm"), {"webm"}),
        (matroska(b"matroska"), set()),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, {"png"}),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\0" * 64, {"jpeg"}),
        (b"\xff\xd8\xff\xe1\0\x10Exif\0" + b"\0" * 64, {"jpeg"}),
        (b"\xff\xd8\xff\xdb\0\x43\0" + b"\0" * 64, {"jpeg"}),
        (b"GIF89a" + b"\0" * 64, {"gif"}),
        (b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 64, {"webp"}),
        (b"II*\0\x08\0\0\0" + b"\0" * 64, {"tiff"}),
        (b"MM\0*\0\0\0\x08" + b"\0" * 64, {"tiff"}),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", set()),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", set()),
        (b"<!DOCTYPE html><html></html>", set()),
        (b"this is no music\n" * 99, set()),
        (b"MZ\x90\0" + b"\0" * 64, set()),
        (b"%PDF-1.7\n", set()),
        (b"PK\3\4" + b"\0" * 64, set()),
        (b"\0" * 99, set()),
        (b"", set()),
    ],
)
def test_formats_are_told_apart(opening: bytes, formats: set[Format]) -> None:
    assert PuremagicSniffer().formats(opening) == formats
