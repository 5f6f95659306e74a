"""Kafka is away for long: nobody who asks notices, nothing grows but the outboxes, all is told."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from tests.e2e.client import Reprise, eventually, fetch, tus_headers, upload_at
from tests.faults.inside import sample, weight
from tests.faults.patient_client import PatientClient
from tests.faults.tiny_media import tiny_jpeg

from common.clock import SystemClock
from devstack.history.acks import Acks
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.long]

SERVICES = ("upload-gateway", "catalog", "transcoder", "delivery", "janitor")
CALLERS = 4
GROWTH = 24.0  # MiB a process may grow by: caches of statements and connections, never rows


@dataclass
class Crowd:
    """Callers who create uploads, read lists and listen, each as fast as it is answered."""

    stack: Stack
    acks: Acks
    heard: str
    created: int = 0
    answers: int = 0
    failures: list[str] = field(default_factory=list)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def until(self, rows: int, seconds: float) -> None:
        """Go on until so many outbox rows wait and so much time has passed."""
        clock = SystemClock()
        end = clock.monotonic() + seconds

        def enough() -> bool:
            return clock.monotonic() > end and self.created >= rows / 2

        def call() -> None:
            caller = Reprise(self.stack.env["REPRISE_URL"], self.stack.env["REPRISE_ADMIN_TOKEN"])
            while not enough() and not self.failures:
                self._round(caller)
            caller.close()

        with ThreadPoolExecutor(CALLERS) as pool:
            for one in [pool.submit(call) for _ in range(CALLERS)]:
                one.result()

    def _round(self, caller: Reprise) -> None:
        # a name, so that its details are a second row
        metadata = {"filename": "waiting.jpg", "filetype": "image/jpeg", "kind": "image"}
        try:
            created = caller.http.post("/files/", headers=tus_headers(1000, **metadata))
            self._judge(created, 201)
            if created.status_code == 201:
                upload_id = upload_at(created.headers["location"]).upload_id
                self.acks.record("upload.created", upload_id=upload_id)
            self._judge(caller.http.get("/api/v1/uploads", params={"limit": 5}), 200)
            self._judge(caller.http.get("/api/v1/admin/assets", params={"limit": 5}), 200)
            self._judge(fetch(self.heard, origin=caller.origin), 200)
        except httpx.TransportError as error:
            self.failures.append(repr(error))
        with self._counting:
            self.created += 1

    def _judge(self, answer: httpx.Response, wanted: int) -> None:
        with self._counting:
            self.answers += 1
        if answer.status_code != wanted:
            self.failures.append(f"{answer.request.method} {answer.status_code} {answer.text}")


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [
        pytest.param(500, 10, marks=pytest.mark.timeout(180)),
        pytest.param(5_000, 60, marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
)
def test_nobody_notices_that_kafka_is_down_and_all_is_told_in_order_when_it_returns(
    client: PatientClient, faulted: Stack, rows: int, seconds: float
) -> None:
    heard = client.upload(tiny_jpeg(), "heard.jpg", "image", "image/jpeg")
    client.finished(heard)
    crowd = Crowd(faulted, client.acks, client.link(heard))
    crowd.until(CALLERS * 10, 0)  # what a process keeps after its first requests is no growth
    before = {name: weight(faulted, name) for name in SERVICES}

    with kafka_down(faulted):
        crowd.created = 0
        crowd.until(rows, seconds)
        assert crowd.failures == []
        grown = {name: weight(faulted, name) - before[name] for name in SERVICES}
        assert max(grown.values()) < GROWTH, grown
        eventually(
            lambda: sample(faulted, "upload-gateway", "media_outbox_pending_rows"),
            lambda pending: pending >= rows,
            within=10,
            saying="the outbox should be seen to fill",
        )
        for name in ("upload-gateway", "catalog"):
            faulted.stop_process(name)
            faulted.start_process(name)  # waits until it is ready: Kafka is no condition of that
        sent = client.upload(tiny_jpeg(), "meanwhile.jpg", "image", "image/jpeg")
    client.finished(sent)
    client.unchanged(sent)


@contextmanager
def kafka_down(stack: Stack) -> Iterator[None]:
    stack.kill("kafka")
    try:
        yield
    finally:
        stack.start_process("kafka")
