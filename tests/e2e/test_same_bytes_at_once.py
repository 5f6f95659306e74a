"""Fifty people in one: the same file through four gateways in the same moment is one asset."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest
from tests.e2e.client import Reprise, eventually, patch_headers, tus_headers, upload_at
from tests.faults.tiny_media import tiny_wav

from common.testing.ports import free_port
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

COPIES, GATEWAYS = 50, 4
SOON = 5.0  # seconds from the last that is stored until all duplicates are told


@pytest.fixture
def gateways(stack: Stack, tmp_path: Path) -> Iterator[list[str]]:
    """Addresses of gateways beside the stack's own, on its database, store and broker."""
    with ExitStack() as running:
        addresses = [running.enter_context(_gateway(stack, tmp_path)) for _ in range(GATEWAYS)]
        for address in addresses:
            eventually(lambda at=address: _ready(at), bool, within=60, saying="ready")  # type: ignore[misc]
        yield addresses


@pytest.mark.req("CAT-05")
def test_fifty_copies_in_one_moment_are_one_asset_and_forty_nine_duplicates(
    stack: Stack, admin: Reprise, gateways: list[str], record_property: Any
) -> None:
    data, together = tiny_wav(), Barrier(COPIES)

    def send(number: int) -> tuple[str, list[int]]:
        with httpx.Client(
            base_url=gateways[number % GATEWAYS], headers=admin.headers, timeout=60
        ) as client:
            named = tus_headers(len(data), filename=f"{number}.wav", kind="audio")
            created = client.post("/files/", headers=named)
            together.wait(60)
            path = httpx.URL(created.headers["location"]).path
            sent = client.patch(path, headers=patch_headers(0), content=data)
        return upload_at(path).upload_id, [created.status_code, sent.status_code]

    with ThreadPoolExecutor(COPIES) as pool:
        done = list(pool.map(send, range(COPIES)))
    assert {tuple(codes) for _, codes in done} == {(201, 204)}
    ids = [upload_id for upload_id, _ in done]
    eventually(
        lambda: {status["state"] for status in _statuses(admin, ids)},
        lambda states: states <= {"stored", "duplicate"},
        within=60,
        saying="all should be stored",
    )
    began = time.monotonic()
    states = eventually(
        lambda: _statuses(admin, ids),
        lambda found: sum(status["state"] == "duplicate" for status in found) == COPIES - 1,
        within=30,
        saying="all but one should be duplicates",
    )
    took = time.monotonic() - began
    record_property("seconds_to_duplicates", round(took, 2))
    (winner,) = [status["asset_id"] for status in states if status["state"] == "stored"]
    assert {s["duplicate_of"] for s in states if s["state"] == "duplicate"} == {winner}
    assert took < SOON
    asked = admin.http.post("/api/v1/admin/assets/lookup", json={"sha256": [states[0]["sha256"]]})
    assert asked.text.count(winner) == 1


def _statuses(admin: Reprise, ids: list[str]) -> list[dict[str, Any]]:
    found = {item["upload_id"]: item for item in _listed(admin)}
    return [found[upload_id] for upload_id in ids]


def _listed(admin: Reprise) -> list[dict[str, Any]]:
    answer = admin.http.get("/api/v1/uploads", params={"limit": 100})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def _gateway(stack: Stack, folder: Path) -> Any:
    port = free_port()
    own = {
        "REPRISE_HTTP_PORT": str(port),
        "REPRISE_ROLES": "http,workers",
        "MAX_CONCURRENT_UPLOADS": "1000",
    }
    return _Running(
        f"http://127.0.0.1:{port}",
        {"PATH": "/usr/bin:/bin", **stack.environment("upload-gateway"), **own},
        folder / f"{port}.log",
    )


class _Running:
    def __init__(self, address: str, env: dict[str, str], log: Path) -> None:
        self._address, self._env, self._log = address, env, log

    def __enter__(self) -> str:
        command = [sys.executable, "-m", "upload_gateway.main"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, env=self._env, stdout=log, stderr=log)
        return self._address

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
