"""Which tags of a file are worth telling, and in what bounds.

A place or a device is never among them.
"""

from collections.abc import Mapping

TAGS = frozenset(
    {"title", "artist", "album", "album_artist", "albumartist", "composer", "performer", "remixer"}
    | {"genre", "date", "year", "track", "disc", "bpm", "isrc", "label", "publisher", "copyright"}
    | {"comment", "description", "lyricist"}
)
_TAG_LENGTH = 1000
_CUE_LENGTH = 64 * 1024


def clean_tags(found: Mapping[str, str]) -> dict[str, str]:
    """Known names in lower case, printable and cut to length."""
    texts = {name.lower(): _printable(value)[:_TAG_LENGTH] for name, value in found.items()}
    return {name: text for name, text in sorted(texts.items()) if name in TAGS and text}


def cue_sheet(found: Mapping[str, str]) -> str | None:
    """The embedded cue sheet, when it is of a size that a set of tracks can have."""
    sheets = [value for name, value in found.items() if name.lower() == "cuesheet"]
    return sheets[0] if sheets and len(sheets[0]) <= _CUE_LENGTH else None


def _printable(value: str) -> str:
    return "".join(c for c in value if c.isprintable() or c in "\n\t").strip()
