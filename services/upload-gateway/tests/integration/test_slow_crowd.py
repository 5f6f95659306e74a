"""Hundreds of slow clients hold no buffers: everybody else goes on as if they were not there."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway, eventually, running
from gateway_support.slow_crowd import SlowCrowd, body_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

CROWD = 200
BUFFERS = 12  # the default
SIZE = 5 * MIB + 321  # of a slow client's file: a part and a little more
ROUNDS = 3


def gauge(gateway: RealGateway, name: str) -> float:
    lines = httpx.get(f"{gateway.url}/metrics").text.splitlines()
    (line,) = [line for line in lines if line.split(" ")[0].endswith(name)]
    return float(line.split()[1])


def pace(client: httpx.Client, seed: str) -> float:
    """MiB a second of the quickest of a few uploads: what the machine does beside is no matter."""
    seconds = list[float]()
    for number in range(ROUNDS):
        body = tus.flac(12 * MIB, f"{seed} {number}")
        began = time.monotonic()
        tus.upload(client, body)
        seconds.append(time.monotonic() - began)
    return 12 / min(seconds)


def test_two_hundred_slow_clients_hold_no_buffer_and_slow_nobody_down(
    places: Places, log: Path, record_property: Callable[[str, object], None]
) -> None:
    with running(places, log) as gateway, gateway.client() as client:
        paths = [tus.create(client, SIZE) for _ in range(CROWD)]
        alone = pace(client, "alone")
        crowd = SlowCrowd(gateway, paths, size=SIZE, piece=1500, pause=0.5)
        with crowd.sending():
            eventually(lambda: gauge(gateway, "part_buffers_used") < BUFFERS)
            beside = pace(client, "beside")
            assert httpx.get(f"{gateway.url}/readyz", timeout=2).status_code == 200
            assert gauge(gateway, "part_buffers_used") < BUFFERS
        # a busy database may have sent a few away when they began, never the buffers
        assert not any("no_buffer_free" in answer for answer in crowd.answered.values())
        assert len(crowd.answered) < CROWD / 5
        record_property("mib_per_second", {"alone": round(alone), "beside": round(beside)})
        assert beside > alone / 4
        for path in [path for path in paths if path not in crowd.answered][:2]:
            # whoever vanished finds what it had sent, whether in a buffer or out of it
            eventually(lambda path=path: offset(places, path) == crowd.sent[path])  # type: ignore[misc]
            body = body_of(path, SIZE)
            tus.send_the_rest(client, path, body)
            found = tus.ended(client, path)
            assert (found["state"], found["sha256"]) == ("stored", hashlib.sha256(body).hexdigest())


def offset(places: Places, path: str) -> int:
    (row,) = asyncio.run(places.rows('SELECT "offset" FROM upload WHERE id = $1', tus.id_of(path)))
    return int(row["offset"])
