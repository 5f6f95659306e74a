"""Which files the demo uploads, and as what."""

import mimetypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import DevstackError
from devstack.media import make_flac, make_jpeg, make_mp4

_MADE: dict[str, Callable[[Path], Path]] = {
    "night-set.flac": make_flac,
    "photograph.jpg": make_jpeg,
    "clip.mp4": make_mp4,
}


@dataclass(frozen=True, slots=True)
class DemoFile:
    """A file with what an upload declares about it."""

    path: Path
    kind: str
    content_type: str

    @property
    def size(self) -> int:
        return self.path.stat().st_size


def chosen_files(paths: Sequence[Path]) -> list[DemoFile]:
    return [_describe(path) for path in paths]


def made_files(folder: Path, report: Callable[[str], None]) -> list[DemoFile]:
    """The three of the demo; made once, the same everywhere."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in _MADE.items():
        if not (folder / name).exists():
            report(f"making {name}")
            draft = folder / f"draft-{name}"
            make(draft).rename(folder / name)
    return [_describe(folder / name) for name in _MADE]


def _describe(path: Path) -> DemoFile:
    if not path.is_file():
        raise DevstackError(f"{path} is no file")
    content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    content_type = content_type.replace("audio/x-flac", "audio/flac")
    kind = content_type.partition("/")[0]
    if kind not in {"audio", "image", "video"}:
        raise DevstackError(f"{path} is neither audio nor image nor video by its name")
    return DemoFile(path, kind, content_type)
