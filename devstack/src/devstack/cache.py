"""Fills a folder of the user's cache once, whole or not at all, however many try at once."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path


def build_once(target: Path, fill: Callable[[Path], None]) -> bool:
    """Calls `fill` with a draft folder and moves it into place; False when it was there already."""
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return False
        draft = target.with_name(f".{target.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        fill(draft)
        draft.rename(target)
    return True
