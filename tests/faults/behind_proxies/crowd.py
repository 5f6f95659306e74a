"""Callers who upload and read without a pause, judge every answer and note when it came."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from tests.e2e.client import Reprise, patch_headers, upload_at
from tests.faults.behind_proxies.proxied_system import ProxiedSystem
from tests.faults.tiny_media import tiny_jpeg

from devstack.history.acks import Acks

UPLOADERS, READERS = 2, 2
KINDS = ("create", "patch", "list", "asset", "status")
TRY_AGAIN = {409, 423, 503}  # of an upload: another request of it still ends, or a part is away


@dataclass
class Crowd:
    """`failures` are answers that nobody may get; `good` is when each kind of call succeeded."""

    system: ProxiedSystem
    failures: list[str] = field(default_factory=list)
    good: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    refused: int = 0
    begun: list[tuple[str, bytes]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def busy(self) -> Iterator["Crowd"]:
        """They call while the block runs, and end their uploads at its end."""
        env, acks = self.system.stack.env, Acks(self.system.acks)
        parts = [self._upload] * UPLOADERS + [self._read] * READERS
        with ThreadPoolExecutor(len(parts)) as pool:
            callers = [Reprise(env["REPRISE_URL"], env["REPRISE_ADMIN_TOKEN"]) for _ in parts]
            pending: list[Future[None]] = [
                pool.submit(part, caller, acks) for part, caller in zip(parts, callers, strict=True)
            ]
            try:
                yield self
            finally:
                self._over.set()
                for one in pending:
                    one.result()
                for caller in callers:
                    caller.close()

    def after(self, moment: float) -> dict[str, float]:
        """For each kind of call, seconds from the moment to its first success; waits for all."""
        deadline = time.monotonic() + 60
        while True:
            first = {
                kind: min((at - moment for at in times if at > moment), default=float("inf"))
                for kind, times in self.good.items()
            }
            if max(first.values()) < float("inf") or time.monotonic() > deadline:
                return first
            time.sleep(0.05)

    def all_stored(self) -> int:
        """Resume what was cut, until every upload that was begun is told to be stored."""
        client = self.system.client
        for location, data in self.begun:
            client.send(location, data)
            client.stored(location, data)
        return len(self.begun)

    def _upload(self, caller: Reprise, acks: Acks) -> None:
        metadata = {"filename": "load.jpg", "filetype": "image/jpeg", "kind": "image"}
        while not self._over.is_set():
            data = tiny_jpeg()
            created = self._judged("create", lambda data=data: caller.create(len(data), **metadata))  # type: ignore[misc]
            if created is None:
                continue
            location = created.headers["location"]
            acks.record("upload.created", upload_id=upload_at(location).upload_id)
            self.begun.append((location, data))
            self._send(caller, acks, location, data)

    def _send(self, caller: Reprise, acks: Acks, location: str, data: bytes) -> None:
        for offset, end in ((0, len(data) // 2), (len(data) // 2, len(data))):
            answer = self._judged(
                "patch",
                lambda offset=offset, end=end: caller.http.patch(  # type: ignore[misc]
                    location, headers=patch_headers(offset), content=data[offset:end]
                ),
            )
            if answer is None:
                return  # resumed at the end
            kept = int(answer.headers["upload-offset"])
            acks.record("upload.progress", upload_id=upload_at(location).upload_id, offset=kept)

    def _read(self, caller: Reprise, _: Acks) -> None:
        kept = self.system.kept
        while not self._over.is_set():
            self._judged("list", lambda: caller.http.get("/api/v1/admin/assets?limit=5"))
            self._judged("asset", lambda: caller.http.get(f"/api/v1/user/assets/{kept.asset_id}"))
            self._judged("status", lambda: caller.http.get(f"/api/v1/uploads/{kept.upload_id}"))

    def _judged(self, kind: str, call: Callable[[], httpx.Response]) -> httpx.Response | None:
        """The answer if it was good, None if it was an honest refusal."""
        try:
            answer = call()
        except httpx.TransportError as error:
            self.failures.append(f"{kind}: {type(error).__name__}")
            return None
        if answer.is_success:
            self.good[kind].append(time.monotonic())
            return answer
        honest = answer.status_code in TRY_AGAIN and (
            answer.headers["content-type"] == "application/problem+json"
        )
        if not honest or (answer.status_code == 503 and "retry-after" not in answer.headers):
            self.failures.append(f"{kind}: {answer.status_code} {answer.text[:200]}")
        self.refused += 1
        time.sleep(0.1)
        return None
