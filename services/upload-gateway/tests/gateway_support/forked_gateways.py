"""Gateways that start in a fraction of a second: forked from one that has loaded all its code.

For tests that kill hundreds of them. Each is a process of its own and runs the real `main`.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway_support.real_gateway import Spawn

_PARENT = """
import json, os, signal, sys
import upload_gateway.main, aiobotocore.session, uvicorn.protocols.http.httptools_impl
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
for line in sys.stdin:
    order = json.loads(line)
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.clear()
        os.environ.update(order["env"])
        upload_gateway.main.main()
        os._exit(0)
    print(pid, flush=True)
"""


class Forked:
    """A process that is nobody's child here: its end is seen, its exit code is not."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    def wait(self, timeout: float) -> int:
        until = time.monotonic() + timeout
        while self.poll() is None:
            assert time.monotonic() < until, "the gateway does not end"
            time.sleep(0.002)
        return 0

    def send_signal(self, sig: signal.Signals) -> None:
        os.kill(self.pid, sig)


@contextmanager
def forks() -> Iterator[Spawn]:
    """Give the result to RealGateway; every gateway must have ended before."""
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        env={"PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        one_by_one = threading.Lock()

        def spawn(env: dict[str, str], log: Path) -> Forked:
            assert parent.stdin is not None
            assert parent.stdout is not None
            with one_by_one:
                parent.stdin.write(json.dumps({"env": env, "log": str(log)}) + "\n")
                parent.stdin.flush()
                return Forked(int(parent.stdout.readline()))

        yield spawn
