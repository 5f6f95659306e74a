"""Temporary space: bounded, one directory for each attempt, always removed, also after a kill."""

import asyncio
import fcntl
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import Unavailable
from transcoder.domain.errors import MediaTooLarge
from transcoder.ports import JobDirectory

_LOCK = ".lock"
_PREFIX = "worker-"


@dataclass(slots=True)
class ScratchSpace:
    """The folder of this process.

    `limit` is in bytes, for all attempts that run at once in this process.
    """

    root: Path
    limit: int
    _reserved: int = field(default=0, init=False)

    @asynccontextmanager
    async def directory(self, needed: int) -> AsyncIterator[JobDirectory]:
        with self._room(needed):
            place = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="job-", dir=self.root))
            try:
                (place / "in").mkdir()
                (place / "out").mkdir()
                yield JobDirectory(source=place / "in" / "source", output=place / "out")
            finally:
                await asyncio.shield(asyncio.to_thread(shutil.rmtree, place, ignore_errors=True))

    @contextmanager
    def _room(self, needed: int) -> Iterator[None]:
        if needed > self.limit:
            raise MediaTooLarge("larger than the scratch space of a worker")
        free = shutil.disk_usage(self.root).free
        if self._reserved + needed > self.limit or needed > free:
            raise Unavailable("no scratch space is free now", code="scratch_full")
        self._reserved += needed
        try:
            yield
        finally:
            self._reserved -= needed


@contextmanager
def open_scratch(folder: Path, *, limit: int) -> Iterator[ScratchSpace]:
    """A folder of this process's own under `folder`.

    Those of processes that died are removed first.

    A living process holds a lock on its folder, so several workers may share `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as stack:
        with _locked(folder / _LOCK):  # nobody takes a folder for stale before its lock is held
            remove_stale(folder)
            root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
            stack.callback(shutil.rmtree, root, ignore_errors=True)
            stack.enter_context(_locked(root / _LOCK))
        yield ScratchSpace(root, limit)


def remove_stale(folder: Path) -> None:
    """Remove what killed workers left; a folder whose lock is held belongs to a living one."""
    for left in folder.glob(f"{_PREFIX}*"):
        try:
            with _locked(left / _LOCK, wait=False):
                shutil.rmtree(left, ignore_errors=True)
        except BlockingIOError:
            continue


@contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
