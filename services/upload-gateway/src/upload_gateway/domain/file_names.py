"""File names as clients send them, made fit to be shown; they never become part of a key."""

import re
import unicodedata

MAX_LENGTH = 255

_PATH = re.compile(r".*[/\\]", re.DOTALL)
_SPACES = re.compile(r"\s+")
# Cc controls, Cf bidi overrides and invisible joiners, Cs halves of surrogates, Co private use
_UNFIT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def presentable(name: str | None) -> str | None:
    """The last component, NFC, nothing invisible, at most 255 long; None when nothing is left."""
    if name is None:
        return None
    spaced = _SPACES.sub(" ", _PATH.sub("", name))
    visible = "".join(char for char in spaced if unicodedata.category(char) not in _UNFIT)
    # what stood between two spaces, or a letter and its accent, may be gone now
    shown = _SPACES.sub(" ", unicodedata.normalize("NFC", visible))
    return _shortened(shown.strip(" .")).strip(" .") or None


def _shortened(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    if len(name) <= MAX_LENGTH or not dot or len(extension) > 16:
        return name[:MAX_LENGTH]
    return f"{stem[: MAX_LENGTH - len(extension) - 1]}.{extension}"
