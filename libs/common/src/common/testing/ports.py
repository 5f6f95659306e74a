"""Ports for servers that a test starts, and starts again at the same place."""

import fcntl
import os
import random
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

# Below the ports that the kernel hands out, to clients and to servers that ask for any: one that
# is not listened to for a moment, as that of a killed server, is taken by nobody meanwhile.
LOWEST, HIGHEST, BLOCK = 10_000, 20_000, 100


def free_port() -> int:
    """One that nobody listens on; it is not given again, to no process, while this one lives."""
    with _ONE_BY_ONE:
        return next(_PORTS)


def _ports() -> Iterator[int]:
    blocks = list(range(LOWEST, HIGHEST, BLOCK))
    random.shuffle(blocks)
    for block in blocks:
        # stays open as long as this process lives: its lock is what holds the block
        file = os.open(_lock_of(block), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            continue
        yield from (port for port in range(block, block + BLOCK) if _is_free(port))
    raise RuntimeError(f"no free port between {LOWEST} and {HIGHEST}")


def _lock_of(block: int) -> Path:
    folder = Path(tempfile.gettempdir()) / f"reprise-test-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / str(block)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


_PORTS = _ports()
_ONE_BY_ONE = threading.Lock()
