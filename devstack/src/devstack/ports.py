"""Which ports are free, and who sits on one that is not."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import psutil

from devstack.errors import DevstackError
from devstack.local_place import LOOPBACK

# Below the range the kernel hands out to clients: no outgoing connection takes one meanwhile.
_LOWEST, _HIGHEST, _STEP = 20_000, 32_000, 20


def is_free(port: int) -> bool:
    """Whether a server could listen now; connections still closing do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def demand_free(process: str, port: int) -> None:
    """Raises the sentence for a port in use: who has it, and how to go on."""
    if is_free(port):
        return
    elsewhere = 38_000 if 28_000 <= port < 29_000 else 28_000
    raise DevstackError(
        f"port {port}, wanted by {process}, is in use{_holder(port)}: stop that program, "
        f"or move all ports, for example `REPRISE_PORT_BASE={elsewhere} make up`"
    )


def _holder(port: int) -> str:
    try:
        found = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return ""
    for connection in found:
        if connection.status == psutil.CONN_LISTEN and getattr(connection.laddr, "port", 0) == port:
            return _describe(connection.pid)
    return ""


def _describe(pid: int | None) -> str:
    if pid is None:
        return ""
    try:
        return f" by {psutil.Process(pid).name()} (process {pid})"
    except psutil.Error:
        return ""


class FreePorts:
    """A block of free ports, reserved against other test runs of this machine until released."""

    def __init__(self, offsets: Iterable[int]) -> None:
        self._file: IO[str] | None = None
        self.base = self._reserve(tuple(offsets))

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _reserve(self, offsets: tuple[int, ...]) -> int:
        folder = Path(tempfile.gettempdir()) / f"reprise-ports-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        candidates = list(range(_LOWEST, _HIGHEST, _STEP))
        random.shuffle(candidates)
        for base in candidates:
            if self._lock(folder / str(base)):
                if all(is_free(base + offset) for offset in offsets):
                    return base
                self.release()
        raise DevstackError(f"no free block of ports between {_LOWEST} and {_HIGHEST}")

    def _lock(self, path: Path) -> bool:
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True
