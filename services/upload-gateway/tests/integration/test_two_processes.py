"""One upload, two gateways behind one database and one store."""

import asyncio
import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway, eventually, running

pytestmark = pytest.mark.integration

BODY = tus.flac(17 * MIB + 4321, "two processes")
DIGEST = hashlib.sha256(BODY).hexdigest()
SOON = 5.0  # seconds in which an older request is cut


@pytest.fixture(scope="module")
def second(places: Places, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGateway]:
    with running(places, tmp_path_factory.mktemp("second") / "log") as started:
        yield started


@pytest.fixture
def elsewhere(second: RealGateway) -> Iterator[httpx.Client]:
    with second.client() as opened:
        yield opened


def half_open(gateway: RealGateway, places: Places, path: str, sent: int) -> tus.RawPatch:
    """A request whose client sent so much and then says nothing more."""
    raw = tus.RawPatch(gateway, path, 0, len(BODY))
    before = received(gateway)
    raw.send(BODY[:sent])
    eventually(lambda: received(gateway) >= before + sent)
    return raw


def received(gateway: RealGateway) -> float:
    lines = httpx.get(f"{gateway.url}/metrics").text.splitlines()
    counted = (line for line in lines if "received_bytes_total " in line and line[0] != "#")
    return sum(float(line.split()[1]) for line in counted)


def parts(places: Places, path: str) -> list[int]:
    rows = asyncio.run(
        places.rows("SELECT size FROM part WHERE upload_id = $1 ORDER BY number", tus.id_of(path))
    )
    return [row["size"] for row in rows]


def test_head_elsewhere_ends_a_half_open_request_and_tells_all_it_brought(
    gateway: RealGateway, client: httpx.Client, elsewhere: httpx.Client, places: Places
) -> None:
    path = tus.create(client, len(BODY))
    with half_open(gateway, places, path, 7 * MIB + 99) as raw:
        began = time.monotonic()
        assert tus.offset(elsewhere, path) == 7 * MIB + 99
        assert time.monotonic() - began < SOON
        assert raw.answer().startswith("HTTP/1.1 409")
    tus.send_the_rest(elsewhere, path, BODY)
    assert tus.ended(client, path)["sha256"] == DIGEST
    assert parts(places, path) == [5 * MIB] * 3 + [len(BODY) - 15 * MIB]


def test_a_newer_request_elsewhere_cuts_one_that_commits_nothing(
    gateway: RealGateway, client: httpx.Client, elsewhere: httpx.Client, places: Places
) -> None:
    path = tus.create(client, len(BODY))
    with half_open(gateway, places, path, MIB) as raw, ThreadPoolExecutor(1) as beside:
        began = time.monotonic()
        newer = beside.submit(tus.patch, elsewhere, path, 0, BODY)
        assert raw.answer().startswith("HTTP/1.1 409")
        assert time.monotonic() - began < SOON
        assert newer.result().status_code == 204
    found = tus.ended(client, path)
    assert (found["state"], found["sha256"]) == ("stored", DIGEST)
    assert parts(places, path) == [5 * MIB] * 3 + [len(BODY) - 15 * MIB]


def test_an_end_elsewhere_ends_the_request_and_leaves_nothing(
    gateway: RealGateway, client: httpx.Client, elsewhere: httpx.Client, places: Places
) -> None:
    path = tus.create(client, len(BODY))
    with half_open(gateway, places, path, 6 * MIB) as raw, ThreadPoolExecutor(1) as beside:
        began = time.monotonic()
        end = beside.submit(elsewhere.delete, path)
        # 409 when it was just committing: the fence is found before the reason
        assert raw.answer()[:12] in {"HTTP/1.1 410", "HTTP/1.1 409"}
        assert time.monotonic() - began < SOON
        assert end.result().status_code == 204
    row = "SELECT key FROM upload WHERE id = $1"
    key = asyncio.run(places.rows(row, tus.id_of(path)))[0]["key"]
    eventually(lambda: asyncio.run(places.multiparts(key)) == [])
    assert asyncio.run(places.objects(f"staging/{tus.id_of(path)}/")) == {}


def test_a_writer_that_was_killed_keeps_nobody_waiting_for_long(places: Places, log: Path) -> None:
    with running(places, log) as dying, running(places, log) as other:
        with dying.client() as client:
            path = tus.create(client, len(BODY))
        raw = half_open(dying, places, path, 6 * MIB)
        eventually(lambda: parts(places, path) == [5 * MIB])
        dying.kill()
        raw.cut()
        with other.client() as elsewhere:
            eventually(lambda: elsewhere.head(path).status_code == 200, patience=15)
            assert tus.offset(elsewhere, path) == 5 * MIB
            tus.send_the_rest(elsewhere, path, BODY)
            assert tus.ended(elsewhere, path)["sha256"] == DIGEST
