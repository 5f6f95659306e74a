"""Shows and follows the log files of the stack."""

import time
from pathlib import Path

from devstack.errors import DevstackError

_TAIL = 256 * 1024


def show_logs(folder: Path, name: str | None, lines: int) -> list[Path]:
    """Prints the last lines of one or of every log; returns the files."""
    found = sorted(folder.glob("*.log")) if name is None else [folder / f"{name}.log"]
    for path in found:
        if not path.exists():
            there = ", ".join(sorted(one.stem for one in folder.glob("*.log")))
            raise DevstackError(f"no log of {name!r}; there are: {there or 'none yet'}")
        for line in _last(path, lines):
            print(f"{path.stem:>14} | {line}")
    return found


def follow_logs(paths: list[Path]) -> None:
    """Prints what is appended, until interrupted."""
    files = {path: path.open(errors="replace") for path in paths}
    try:
        for file in files.values():
            file.seek(0, 2)
        while True:
            fresh = [(path, line) for path, file in files.items() for line in file]
            for path, line in fresh:
                print(f"{path.stem:>14} | {line.rstrip()}", flush=True)
            if not fresh:
                time.sleep(0.2)
    except KeyboardInterrupt:
        return
    finally:
        for file in files.values():
            file.close()


def _last(path: Path, lines: int) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read().decode(errors="replace").splitlines()[-lines:]
