"""The index files of a node, and the links that say which of them is what.

    index.sqlite3    the live one (a plain file until the first rebuild)
    index.building   a rebuild that is under way; it goes on there after a kill
    index.offered    a finished one, waiting for the writer to take it
    index.previous   the one before the last swap, kept until the next

Each is a link to a file `index-<time>.sqlite3`. A swap is the renaming of one link, which is
atomic, and as SQLite names a log after the file and not after the link, no file ever meets the log
of another.
"""

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

INDEX_FILE = "index.sqlite3"
LOGS = ("", "-wal", "-shm")


class IndexFiles:
    """Only whoever holds the lock of the file concerned may move its link."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.live = folder / INDEX_FILE
        self.history = folder / "index.history.jsonl"
        self._building, self._offered = folder / "index.building", folder / "index.offered"
        self._previous = folder / "index.previous"

    def building(self) -> Path | None:
        """The file of a rebuild that was begun and not finished."""
        return _target(self._building)

    def offered(self) -> Path | None:
        """The file that waits to become the live one."""
        return _target(self._offered)

    def previous(self) -> Path | None:
        """The file that was live before the last swap."""
        return _target(self._previous)

    def is_live(self, path: Path) -> bool:
        """Whether this file is the live one."""
        return _target(self.live) == path

    def begin(self, now: datetime) -> Path:
        """The file to build in: the one begun before, or a new one."""
        begun = self.building()
        if begun is None:
            begun = self.folder / f"index-{now:%Y%m%dT%H%M%S%f}.sqlite3"
            _link(self._building, begun.name)
        return begun

    def give_up_building(self) -> None:
        """Forget what was begun."""
        self._building.unlink(missing_ok=True)
        self._prune()

    def offer(self) -> None:
        """What was built is finished."""
        self._building.replace(self._offered)
        _sync(self.folder)

    def offer_previous(self) -> None:
        """Back to the one before: it is brought up to date like any other that is offered."""
        target = self.previous()
        if target is not None:
            _link(self._offered, target.name)

    def refuse(self) -> None:
        """Take the offer away; the file goes."""
        self._offered.unlink(missing_ok=True)
        self._prune()

    def adopt(self) -> None:
        """What is offered becomes the live one, in one step; the old one becomes `previous`."""
        plain = not self.live.is_symlink()
        old = self._keep_plain() if plain else self.live.readlink().name
        offered = self._offered.readlink().name
        if old and old != offered:
            _link(self._previous, old)
        self._offered.replace(self.live)
        _sync(self.folder)
        if plain:
            for suffix in LOGS[1:]:
                self.live.with_name(self.live.name + suffix).unlink(missing_ok=True)
        self._prune()

    def _keep_plain(self) -> str | None:
        """A plain file gets a second name, and so does its log, which may hold its last changes."""
        if not self.live.exists():
            return None
        name = f"index-{self.live.stat().st_mtime_ns}-plain.sqlite3"
        for suffix in LOGS[:2]:
            kept, source = self.folder / (name + suffix), self.folder / (INDEX_FILE + suffix)
            kept.unlink(missing_ok=True)
            if source.exists():
                kept.hardlink_to(source)
        return name

    def _prune(self) -> None:
        links = (self.live, self._building, self._offered, self._previous)
        used = {link.readlink().name for link in links if link.is_symlink()}
        for file in (*self.folder.glob("index-*.sqlite3*"), *self.folder.glob("index-*.lock")):
            if f"{file.name.partition('.')[0]}.sqlite3" not in used:
                file.unlink(missing_ok=True)


def _target(link: Path) -> Path | None:
    with suppress(OSError):
        return link.with_name(link.readlink().name)
    return None


def _link(link: Path, target: str) -> None:
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
    _sync(link.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
