"""The file formats that are taken: what each is called in content types and file names."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Format = Literal[
    "flac", "wav", "aiff", "mp3", "m4a", "aac", "ogg", "opus",
    "jpeg", "png", "webp", "gif", "tiff", "heic",
    "mp4", "mov", "webm",
    "other",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Naming:
    """`content_type` and `extension` are what we write; the sets are what we understand."""

    content_type: str
    extension: str
    declared: frozenset[str]
    extensions: frozenset[str]


def _naming(content_type: str, extensions: str, also: str = "") -> Naming:
    names = extensions.split()
    declared = frozenset({content_type, *also.split()})
    return Naming(content_type, names[0], declared, frozenset(names))


NAMINGS: dict[Format, Naming] = {
    "flac": _naming("audio/flac", "flac", "audio/x-flac"),
    "wav": _naming("audio/wav", "wav wave", "audio/x-wav audio/wave audio/vnd.wave"),
    "aiff": _naming("audio/aiff", "aiff aif aifc", "audio/x-aiff"),
    "mp3": _naming("audio/mpeg", "mp3", "audio/mp3 audio/x-mp3 audio/mpeg3"),
    "m4a": _naming("audio/mp4", "m4a m4b mp4", "audio/x-m4a audio/m4a audio/mp4a-latm"),
    "aac": _naming("audio/aac", "aac", "audio/aacp audio/x-aac"),
    "ogg": _naming("audio/ogg", "ogg oga", "application/ogg audio/vorbis"),
    "opus": _naming("audio/opus", "opus ogg", "audio/ogg application/ogg"),
    "jpeg": _naming("image/jpeg", "jpg jpeg jpe jfif", "image/jpg image/pjpeg"),
    "png": _naming("image/png", "png", "image/x-png"),
    "webp": _naming("image/webp", "webp"),
    "gif": _naming("image/gif", "gif"),
    "tiff": _naming("image/tiff", "tiff tif"),
    "heic": _naming("image/heic", "heic heif", "image/heif"),
    "mp4": _naming("video/mp4", "mp4 m4v", "video/x-m4v"),
    "mov": _naming("video/quicktime", "mov qt"),
    "webm": _naming("video/webm", "webm"),
    # of no kind; what a store for everything (`accept_any`) keeps without knowing what it is
    "other": _naming("application/octet-stream", "bin"),
}

# what a browser says of a file it does not know: no declaration at all
UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def essence(content_type: str | None) -> str | None:
    """`type/subtype` in lower case without parameters, or None when nothing was declared."""
    text = (content_type or "").split(";", 1)[0].strip().lower()
    return None if text in UNTOLD else text


def declared_as(content_type: str) -> frozenset[Format]:
    """The formats a declared type may stand for; empty when it is none of ours."""
    return frozenset(name for name, naming in NAMINGS.items() if content_type in naming.declared)


def content_types(formats: Collection[Format]) -> list[str]:
    """Their types by the usual names, in order."""
    return sorted({NAMINGS[known].content_type for known in formats})


def named_as(extension: str) -> frozenset[Format]:
    """The formats a file name's extension may stand for; empty when it is none of ours."""
    return frozenset(name for name, naming in NAMINGS.items() if extension in naming.extensions)


def extension_of(file_name: str | None) -> str | None:
    """The extension in lower case without its dot, or None when there is none."""
    stem, dot, extension = (file_name or "").rpartition(".")
    return extension.lower() if dot and stem and extension else None
