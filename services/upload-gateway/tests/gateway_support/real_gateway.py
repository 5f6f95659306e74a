"""A gateway as a process of its own, to be talked to, killed and started again."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import httpx

from common.testing.ports import free_port
from gateway_support.places import Places

PATIENCE = 30.0  # seconds
START = 90.0  # seconds, on a machine that does ten other things


class Running(Protocol):
    """As much of a process as is asked of one here."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float) -> int: ...
    def send_signal(self, sig: signal.Signals) -> None: ...


Spawn = Callable[[dict[str, str], Path], Running]


def spawn(env: dict[str, str], log: Path) -> Running:
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "upload_gateway.main"], env=env, stdout=file, stderr=file
        )


class RealGateway:
    """`python -m upload_gateway.main` on a free port; the same port after each start."""

    def __init__(self, places: Places, log: Path, spawn: Spawn = spawn, /, **extra: str) -> None:
        self.places = places
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log, self._extra, self._spawn = log, extra, spawn
        self._process: Running | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process that was started last still runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, failpoints: str = "", *, ready: bool = True) -> None:
        env = {**self.places.env, **self._extra, "REPRISE_HTTP_PORT": str(self.port)}
        env |= {"REPRISE_FAILPOINTS": failpoints, "PATH": "/usr/bin:/bin"}
        self._process = self._spawn(env, self._log)
        if ready:
            # one client for all asking: each new one would cost more than the gateway's own start
            with httpx.Client(base_url=self.url, timeout=2) as asking:
                eventually(lambda: self._ready(asking), START)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        return self._end(signal.SIGTERM)

    def died(self) -> int:
        """Wait for the process to end by itself."""
        assert self._process is not None
        return self._process.wait(PATIENCE)

    def tell(self, number: signal.Signals) -> None:
        """Send a signal and do not wait."""
        assert self._process is not None
        self._process.send_signal(number)

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {"Tus-Resumable": "1.0.0"}
        if token != "":
            headers["Authorization"] = f"Bearer {token or self.places.token()}"
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE)

    def measured(self, name: str) -> float:
        """A metric of the gateway's own, with its labels if it has any; 0 for one not yet there."""
        text = httpx.get(f"{self.url}/metrics", timeout=PATIENCE).text
        prefix = f"media_upload_gateway_{name} "
        found = [line for line in text.splitlines() if line.startswith(prefix)]
        return float(found[0].split()[1]) if found else 0.0

    def log(self) -> str:
        return self._log.read_text()

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(PATIENCE)

    def _ready(self, asking: httpx.Client) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()[-2000:]
        try:
            return asking.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running(places: Places, log: Path, failpoints: str = "", **extra: str) -> Iterator[RealGateway]:
    """A started gateway that is gone afterwards, whatever happened."""
    gateway = RealGateway(places, log, **extra)
    try:
        gateway.start(failpoints)
        yield gateway
    finally:
        gateway.kill()


def eventually(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until it holds; fails when it does not in time."""
    until = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.02)
