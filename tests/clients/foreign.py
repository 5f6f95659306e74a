"""A public upload client as a process of its own, and what befalls it on the way."""

import hashlib
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Self

from psutil import NoSuchProcess, Process
from tests.clients.store import stored_sha256
from tests.e2e.client import Reprise, eventually

from devstack.faults.tcp_proxy import TcpProxy
from devstack.stack import Stack

MIB = 1024 * 1024
STALL = 1.0  # seconds; what the gateway of these tests is set to
PACE = 0.004  # seconds for each 64 KiB: some 12 MiB/s, so that there is time to interfere
PATIENCE = 90.0


class Foreign:
    """The client and all its children: they are killed, and stand still, together."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out
            )
        self._log = log

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._all(Process.kill)
        self._process.wait(10)

    def stand_still(self) -> None:
        self._all(Process.suspend)

    def go_on(self) -> None:
        self._all(Process.resume)

    def tell(self, word: str) -> None:
        """Have it do something; returns when it is done."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n".encode())
        self._process.stdin.flush()
        assert self._process.stdout.readline().decode().strip() == word, self.log()

    def finished(self) -> None:
        """Returns when it ended by itself and well."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(b"finish\n")
            self._process.stdin.flush()
        assert self._process.wait(PATIENCE) == 0, self.log()

    def log(self) -> str:
        return self._log.read_text()[-2000:]

    def _all(self, action: Callable[[Process], None]) -> None:
        with suppress(NoSuchProcess):
            first = Process(self._process.pid)
            for one in [first, *first.children(recursive=True)]:
                with suppress(NoSuchProcess):
                    action(one)


@dataclass(frozen=True, slots=True)
class Journey:
    """A file, the way it takes through the proxy, and how far it came.

    `store` is the environment of the store it comes to, where that is not the stack's own.
    """

    stack: Stack
    proxy: TcpProxy
    path: Path
    store: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"http://{self.proxy.address}"

    @property
    def token(self) -> str:
        return self.stack.env["REPRISE_ADMIN_TOKEN"]

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def moved(self, client: Foreign, share: float) -> None:
        """Returns when so large a share of the file has passed since the call."""
        goal = self.proxy.traffic.requests + share * self.size
        eventually(
            lambda: client.running and self.proxy.traffic.requests < goal,
            lambda waiting: not waiting,
            within=PATIENCE,
            saying="bytes should move",
        )
        assert client.running, client.log()

    def stalled(self, client: Foreign) -> None:
        """It stands still until the gateway has given its request up, then goes on."""
        client.stand_still()
        cut = _requests_cut(self.stack)
        eventually(
            lambda: _requests_cut(self.stack),
            lambda now: now > cut,
            within=STALL + 15,
            saying="the gateway should end a request that stalls",
        )
        client.go_on()

    def rested(self, client: Foreign) -> None:
        """It stands still until nothing was on its way for a while, then goes on."""
        client.stand_still()
        seen = (self.proxy.traffic.requests, time.monotonic())

        def quiet() -> float:
            nonlocal seen
            if self.proxy.traffic.requests != seen[0]:
                seen = (self.proxy.traffic.requests, time.monotonic())
            return time.monotonic() - seen[1]

        eventually(quiet, lambda rest: rest > STALL, within=STALL + 15, saying="it should be quiet")
        client.go_on()

    def uploads(self) -> list[dict[str, Any]]:
        """All that were ever made of it, by its size, as the list of uploads shows them."""
        caller = Reprise(self.stack.env["REPRISE_URL"], self.token)
        try:
            items = caller.http.get("/api/v1/uploads", params={"limit": 100}).json()["items"]
        finally:
            caller.close()
        return [item for item in items if item["length"] == self.size]

    def ended(self, *states: str) -> list[dict[str, Any]]:
        """The uploads made of it once they are in these states, newest first."""
        return eventually(
            self.uploads,
            lambda found: [upload["state"] for upload in found] == list(states),
            within=PATIENCE,
            saying=f"it should be {' and '.join(states)}",
        )

    def arrived(self, *before: str) -> None:
        """What the store holds is the file; `before` are states of earlier uploads of it."""
        upload = self.ended("stored", *before)[0]
        sent = hashlib.sha256(self.path.read_bytes()).hexdigest()
        store = {**self.stack.env, **self.store}
        assert stored_sha256(store, f"u/{upload['asset_id']}/original-") == sent
        assert upload["sha256"] == sent


def sound_file(folder: Path, name: str, size: int) -> Path:
    """Bytes that are taken for FLAC and cannot be shrunk; others for each name."""
    path = folder / f"{name}.flac"
    path.write_bytes(b"fLaC\x00\x00\x00\x22" + Random(name).randbytes(size - 8))
    return path


def _requests_cut(stack: Stack) -> int:
    """Requests that the gateway ended because nothing came, by its own log."""
    log = stack.supervised("upload-gateway").log.read_text()
    return sum('"status": 503' in line and '"PATCH"' in line for line in log.splitlines())
