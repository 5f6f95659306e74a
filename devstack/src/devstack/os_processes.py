"""Processes of the operating system: started in a group of their own, known again, ended whole."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_STAT_STATE, _STAT_GROUP, _STAT_START = (
    0,
    2,
    19,
)  # fields of /proc/<pid>/stat, counted after the closing bracket
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Launch:
    """All that is needed to start a program; nothing of the caller's environment is inherited."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


@dataclass(frozen=True, slots=True)
class Running:
    """A process id together with its start mark, so that a recycled id is not mistaken for it."""

    pid: int
    mark: str

    def alive(self) -> bool:
        return start_mark(self.pid) == self.mark

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(path)


def load_running(path: Path) -> Running | None:
    """What a pid file says; nothing when it is absent or unreadable."""
    try:
        return Running(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def start_mark(pid: int) -> str | None:
    """When the process started, in a form that only compares; None when it is gone or a zombie."""
    if not _has_proc():
        return _start_mark_by_ps(pid)
    fields = _living(pid)
    return fields[_STAT_START] if fields else None


def _has_proc() -> bool:
    return Path("/proc/self/stat").exists()


def _living(pid: int) -> list[str] | None:
    """The fields of its stat; None when it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[_STAT_STATE] in "ZX" else fields


def _start_mark_by_ps(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None


def launch(what: Launch, log: Path) -> tuple["subprocess.Popen[bytes]", Running]:
    """Starts a program as leader of a session of its own, output to the end of `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    what.folder.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            list(what.argv),
            env=dict(what.environment),
            cwd=what.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    # A program that ended already gets a mark that matches nothing: it is simply not alive.
    return child, Running(child.pid, start_mark(child.pid) or "ended")


def send(running: Running, number: signal.Signals) -> None:
    """A signal to the process, if it still is the one that was started."""
    if running.alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.pid, number)


def kill_group(running: Running) -> None:
    """Kills whatever is left of the process's group, also after its leader ended."""
    if _number_is_ours(running):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(running.pid, signal.SIGKILL)


def wait_gone(running: Running, seconds: float) -> bool:
    """Whether the process ended within the time."""
    return _becomes(lambda: not running.alive(), seconds)


def wait_group_gone(running: Running, seconds: float) -> bool:
    """Whether every process of its group ended within the time; zombies have ended."""
    return _becomes(lambda: not (_number_is_ours(running) and _group_lives(running.pid)), seconds)


def end_all_in(folder: Path, seconds: float = 30) -> bool:
    """Kills every process that works in this very folder; whether they ended within the time.

    Where there is no /proc none is found.
    """
    for number in _working_in(folder):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGKILL)
    return _becomes(lambda: not _working_in(folder), seconds)


def _working_in(folder: Path) -> list[int]:
    numbers = _numbers() if _has_proc() else []
    return [number for number in numbers if _folder_of(number) == folder.resolve()]


def _folder_of(number: int) -> Path | None:
    try:
        return Path(f"/proc/{number}/cwd").readlink()
    except OSError:  # gone, a zombie, or somebody else's
        return None


def _number_is_ours(running: Running) -> bool:
    return start_mark(running.pid) in {None, running.mark}


def _group_lives(group: int) -> bool:
    if not _has_proc():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, 0)
            return True
        return False
    members = (fields for number in _numbers() if (fields := _living(number)))
    return any(fields[_STAT_GROUP] == str(group) for fields in members)


def _numbers() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _becomes(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True
