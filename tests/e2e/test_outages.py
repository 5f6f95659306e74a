"""What is acknowledged survives: a killed gateway, a stopped broker, a fact told twice."""

import random
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.e2e.client import Reprise, eventually, patch_headers, sha256, upload_at

from devstack import media
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def send_until(location: str, token: dict[str, str], data: bytes, offset: int, cut: int) -> None:
    """Send a PATCH that announces everything and stops, without closing, after `cut` bytes."""
    parts = urlsplit(location)
    headers = {**patch_headers(offset), **token, "Content-Length": str(len(data) - offset)}
    head = f"PATCH {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in headers.items()
    )
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=10) as wire:
        wire.sendall(head.encode() + b"\r\n" + data[offset:cut])


@pytest.mark.req("UPL-11")
@pytest.mark.parametrize(
    "kills",
    [20, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
)
def test_a_gateway_killed_in_mid_patch_never_forgets_what_it_acknowledged(
    admin: Reprise, stack: Stack, tmp_path: Path, kills: int
) -> None:
    flac = media.make_flac(tmp_path / "killed.flac", seconds=130 + kills)
    data = flac.read_bytes()
    created = admin.create(len(data), filename="killed.flac", filetype="audio/flac", kind="audio")
    location = created.headers["location"]
    upload = upload_at(location)
    chance = random.Random(20)
    acknowledged = 0
    for cut in sorted(chance.randrange(1, len(data)) for _ in range(kills)):
        offset = head_offset(admin, location)
        assert offset >= acknowledged
        acknowledged = offset
        if cut > offset + 2:
            half = offset + (cut - offset) // 2
            answer = admin.http.patch(
                location, headers=patch_headers(offset), content=data[offset:half]
            )
            assert answer.status_code == 204, answer.text
            acknowledged = int(answer.headers["upload-offset"])
            send_until(location, admin.headers, data, acknowledged, cut)
        stack.kill("upload-gateway")
        stack.start_process("upload-gateway")
        stack.wait_ready("upload-gateway")
    assert head_offset(admin, location) >= acknowledged
    admin.resume(flac, location)
    status = admin.ended(upload)
    assert status["state"] == "stored"
    assert status["sha256"] == sha256(data)


def head_offset(admin: Reprise, location: str) -> int:
    answer = eventually(
        lambda: admin.http.head(location, headers={"Tus-Resumable": "1.0.0"}),
        lambda response: response.status_code == 200,
        within=15,
        saying="the gateway should answer HEAD again",
    )
    return int(answer.headers["upload-offset"])


def test_an_upload_during_which_kafka_stops_becomes_ready_after_it_returns(
    admin: Reprise, stack: Stack, tmp_path: Path
) -> None:
    flac = media.make_flac(tmp_path / "offline.flac", seconds=5)
    data = flac.read_bytes()
    metadata = {"filename": flac.name, "filetype": "audio/flac", "kind": "audio"}
    location = admin.create(len(data), **metadata).headers["location"]
    half = admin.http.patch(location, headers=patch_headers(0), content=data[: len(data) // 2])
    assert half.status_code == 204
    stack.kill("kafka")
    try:
        admin.resume(flac, location)
        status = admin.ended(upload_at(location))
        assert status["state"] == "stored"
        assert status["sha256"] == sha256(data)
    finally:
        stack.start_process("kafka")
        stack.wait_ready("kafka")
    admin.asset_in(status["asset_id"], "ready", within=90)
