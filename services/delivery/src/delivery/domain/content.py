"""How bytes are labelled: a type we vouch for or none (SEC-05), a name no header chokes on."""

import re
import unicodedata
from typing import Literal
from urllib.parse import quote

OCTET_STREAM = "application/octet-stream"
# what a browser plays or paints and never runs; no HTML, SVG, XML, PDF or script
INLINE_TYPES = frozenset(
    {
        "audio/aac", "audio/aiff", "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg",
        "audio/opus", "audio/wav", "audio/webm", "audio/x-aiff", "audio/x-flac", "audio/x-m4a",
        "audio/x-wav",
        "image/avif", "image/gif", "image/heic", "image/jpeg", "image/png", "image/tiff",
        "image/webp",
        "video/mp4", "video/quicktime", "video/webm",
    }
)  # fmt: skip
MAX_NAME = 150  # characters

Disposition = Literal["inline", "attachment"]

_UNSAFE = frozenset('\\/:*?"<>|')
_FALLBACK = re.compile(r"[^A-Za-z0-9 ._-]")


def served_type(recorded: str) -> tuple[str, Disposition]:
    """The Content-Type to send for the type on record, and whether a browser may show it."""
    if recorded.lower() in INLINE_TYPES:
        return recorded.lower(), "inline"
    return OCTET_STREAM, "attachment"


def content_disposition(disposition: Disposition, name: str) -> str:
    """RFC 6266: an ASCII name for all, and the true one by RFC 8187 where they differ."""
    safe = _sanitised(name)
    ascii_name = _FALLBACK.sub("_", safe)
    value = f'{disposition}; filename="{ascii_name}"'
    if ascii_name != safe:
        value += f"; filename*=UTF-8''{quote(safe, safe='')}"
    return value


def _sanitised(name: str) -> str:
    """Bounded, without separators, surrogates, control and format characters (bidi among them)."""
    kept = "".join(
        "_" if char in _UNSAFE else char
        for char in unicodedata.normalize("NFC", name)
        if not unicodedata.category(char).startswith(("C", "Zl", "Zp"))
    )
    return kept.strip(" .")[:MAX_NAME].strip(" .") or "media"
