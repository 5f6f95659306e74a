"""A gateway that may have so much memory and no more, as in a container."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.ids import new_object_id
from gateway_support.real_gateway import Running, Spawn

_ROOT = Path("/sys/fs/cgroup")
_MAIN = [sys.executable, "-m", "upload_gateway.main"]


@contextmanager
def capped(size: int) -> Iterator[Spawn]:
    """Give the result to RealGateway: beyond `size` bytes the kernel ends the process.

    By a control group of its own, of version 2 or 1. Raises OSError where none may be made: a cap
    of another kind would prove something else.
    """
    group, limits = _place(size)
    group.mkdir()
    try:
        for name, value in limits.items():
            if "sw" in name and not (group / name).exists():
                continue  # there is no swap to forbid
            (group / name).write_text(str(value))
        yield lambda env, log: _inside(group, env, log)
    finally:
        group.rmdir()


def _place(size: int) -> tuple[Path, dict[str, int]]:
    name = f"reprise-{new_object_id()}"
    if (_ROOT / "cgroup.controllers").exists():
        return _ROOT / name, {"memory.max": size, "memory.swap.max": 0}
    limits = {"memory.limit_in_bytes": size, "memory.memsw.limit_in_bytes": size}
    return _ROOT / "memory" / name, limits


def _inside(group: Path, env: dict[str, str], log: Path) -> Running:
    """It enters the group before it has touched a page of its own."""
    procs = shlex.quote(str(group / "cgroup.procs"))
    command = f"echo $$ > {procs} && exec {shlex.join(_MAIN)}"
    with log.open("ab") as file:
        return subprocess.Popen(["/bin/sh", "-c", command], env=env, stdout=file, stderr=file)
