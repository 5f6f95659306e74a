"""Reads a person's event stream as a client does: by fetch, with a bearer, line by line."""

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway_support.real_gateway import PATIENCE, RealGateway


@dataclass(frozen=True)
class Said:
    """One event and when it came (seconds of a steady clock); a comment has no name."""

    name: str
    data: dict[str, Any]
    number: str | None
    at: float


@dataclass
class Reader:
    """What one stream has said so far; `status` and headers are those of its answer."""

    status: int = 0
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    last: str | None = None
    over_at: float = 0.0
    seen: list[Said] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    _came: "queue.Queue[Said | None]" = field(default_factory=queue.Queue)

    def until(self, wanted: Callable[[Said], bool], patience: float = PATIENCE) -> Said:
        """The first event, from now on, that is as wanted."""
        deadline = time.monotonic() + patience
        while True:
            said = self._came.get(timeout=max(0.01, deadline - time.monotonic()))
            assert said is not None, f"the stream ended: {self.seen[-5:]}"
            if wanted(said):
                return said

    def named(self, name: str, **data: object) -> Said:
        return self.until(
            lambda said: (
                said.name == name
                and all(said.data.get(key) == value for key, value in data.items())
            )
        )

    def ended(self, patience: float = PATIENCE) -> float:
        """When the server ended the stream."""
        deadline = time.monotonic() + patience
        while self._came.get(timeout=max(0.01, deadline - time.monotonic())) is not None:
            pass
        return self.over_at

    def hear(self, lines: Iterator[str]) -> None:
        said: dict[str, str] = {}
        for line in lines:
            if self.left.is_set():
                break
            if line.startswith(":"):
                self._keep(Said("", {}, None, time.monotonic()))
            elif line:
                name, _, value = line.partition(": ")
                said[name] = value
            else:
                self._told(said)
                said = {}
        self.over_at = time.monotonic()
        self._came.put(None)

    def _told(self, said: dict[str, str]) -> None:
        if "id" in said:
            self.last = said["id"]
        if "data" in said:
            data = json.loads(said["data"])
            self._keep(Said(said["event"], data, said.get("id"), time.monotonic()))

    def _keep(self, said: Said) -> None:
        self.seen.append(said)
        self._came.put(said)


@contextmanager
def listening(gateway: RealGateway, token: str, last: str | None = None) -> Iterator[Reader]:
    """A stream that is read in a thread of its own; left at the end, with the next word it says."""
    reader, begun = Reader(), threading.Event()
    headers = {"Authorization": f"Bearer {token}"} | ({"Last-Event-ID": last} if last else {})

    def read() -> None:
        client = httpx.Client(base_url=gateway.url, headers=headers, timeout=PATIENCE)
        try:
            with client, client.stream("GET", "/api/v1/uploads/events") as answer:
                reader.status, reader.headers = answer.status_code, answer.headers
                begun.set()
                reader.hear(answer.iter_lines())
        except httpx.TransportError:
            reader.hear(iter(()))
        finally:
            begun.set()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert begun.wait(PATIENCE)
    try:
        yield reader
    finally:
        reader.left.set()
        thread.join(PATIENCE)
