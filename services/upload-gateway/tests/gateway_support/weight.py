"""What a process weighs while it works, what it writes, and whether it stays well."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from gateway_support.real_gateway import RealGateway

_APART = 0.2  # seconds between two looks


def resident(pid: int) -> int:
    """Bytes of memory that a process has now."""
    return _of(pid, "VmRSS")


def peak(pid: int) -> int:
    """Bytes of memory that a process has had at most, since its start or since `level`."""
    return _of(pid, "VmHWM")


def level(pid: int) -> None:
    """What it had before is no peak of what comes."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def written_files(pid: int) -> set[str]:
    """Files that a process has open to write; what it reads of its own libraries is no matter."""
    found = set[str]()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            target = str(descriptor.readlink())
            said = Path(f"/proc/{pid}/fdinfo/{descriptor.name}").read_text()
            flags = int(said.partition("flags:")[2].split()[0], 8)
            if target.startswith("/") and flags & os.O_ACCMODE != os.O_RDONLY:
                found.add(target)
    return {target for target in found if not target.startswith("/dev/")}


class Watch:
    """`seen`: what it weighed, one look after the other; `unready`: what it said when not ready.

    It looks as long as there is a process.
    """

    def __init__(self, gateway: RealGateway) -> None:
        self.seen, self.unready = list[int](), list[str]()
        self._gateway, self._over = gateway, threading.Event()

    @contextmanager
    def watching(self) -> Iterator["Watch"]:
        thread = threading.Thread(target=self._look)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()

    def growth(self) -> int:
        """By how much the last third of the time was heavier at most than the one before it."""
        third = len(self.seen) // 3
        return max(self.seen[2 * third :]) - max(self.seen[third : 2 * third])

    def _look(self) -> None:
        with httpx.Client(base_url=self._gateway.url, timeout=10) as client:
            while not self._over.wait(_APART) and self._gateway.alive:
                self.seen.append(resident(self._gateway.pid))
                try:
                    answer = client.get("/readyz")
                except httpx.TransportError as error:
                    self.unready.append(repr(error))
                else:
                    self.unready += [answer.text] if answer.status_code != 200 else []


def _of(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name}:")]
    return int(line.split()[1]) * 1024
