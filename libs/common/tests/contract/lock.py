"""Goldens and released contracts are added and never edited: digests in a file, and git's memory.

`contract.lock` has one line per file, `sha256sum -c` understands it, lines are only ever added. It
catches an edit where there is no history, in a source archive or a shallow checkout; an edit of a
file together with its line is caught by the history.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

LOCK = "contract.lock"
FOLDERS = ("golden", "released")


def lock(folder: Path) -> None:
    """Add lines for files that have none."""
    known = _lines(folder)
    new = [f"{digest}  {name}\n" for name, digest in _files(folder).items() if name not in known]
    with (folder / LOCK).open("a", encoding="utf-8") as file:
        file.writelines(new)


def lock_faults(folder: Path) -> Iterator[str]:
    """What does not agree between the files and the lock."""
    known, files = _lines(folder), _files(folder)
    for name, digest in known.items():
        if name not in files:
            yield f"{name} was deleted"
        elif files[name] != digest:
            yield f"{name} was edited"
    yield from (f"{name} is not in {LOCK}" for name in files if name not in known)
    if len(known) != len((folder / LOCK).read_text("utf-8").splitlines()):
        yield f"{LOCK} names a file twice"


def history_faults(folder: Path) -> Iterator[str]:
    """What any commit, or the work tree, did to a file other than adding it.

    Outside of a checkout git has nothing to say, and there is nothing to compare with.
    """
    changed = ["--no-renames", "--diff-filter=MDT", "--name-only"]
    log = _git(folder, "log", "-m", *changed, "--format=", "--", *FOLDERS)
    tree = _git(folder, "diff", *changed, "HEAD", "--", *FOLDERS)
    yield from sorted(
        {f"{name} was edited or deleted" for name in (log + tree).splitlines() if name}
    )
    counts = _git(folder, "log", "-m", "--no-renames", "--numstat", "--format=", "--", LOCK)
    counts += _git(folder, "diff", "--no-renames", "--numstat", "HEAD", "--", LOCK)
    if any(line.split("\t")[1] != "0" for line in counts.splitlines() if line):
        yield f"{LOCK} lost a line"


def _lines(folder: Path) -> dict[str, str]:
    path = folder / LOCK
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _files(folder: Path) -> dict[str, str]:
    found = [path for name in FOLDERS for path in sorted((folder / name).glob("*"))]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
    }


def _git(folder: Path, *arguments: str) -> str:
    git = shutil.which("git")
    assert git is not None
    done = subprocess.run(
        [git, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=20
    )
    return done.stdout
