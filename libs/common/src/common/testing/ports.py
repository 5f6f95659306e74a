"""Ports for servers that a test starts, and starts again at the same place."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

# Below the ports that the kernel hands out, to clients and to servers that ask for any: one that
# is not listened to for a moment, as that of a killed server, is taken by nobody meanwhile.
LOWEST, HIGHEST, BLOCK = 10_000, 20_000, 100


def free_port() -> int:
    """One that nobody listens on; it is not given again, to no process, while this one lives."""
    return next(_PORTS)


def _ports() -> Iterator[int]:
    held: list[IO[str]] = []  # open as long as this process lives: their locks are the blocks
    blocks = list(range(LOWEST, HIGHEST, BLOCK))
    random.shuffle(blocks)
    for block in blocks:
        file = _lock_of(block).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        held.append(file)
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
