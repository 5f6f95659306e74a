import asyncio
import hashlib
import io
import signal
import threading
from pathlib import Path

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway, eventually, running
from tusclient.client import TusClient

from common.failpoints import POINTS

pytestmark = pytest.mark.integration

BODY = tus.flac(17 * MIB + 12_345)
DIGEST = hashlib.sha256(BODY).hexdigest()
# every point on the way of an upload; its end by the owner is another way
POINTS_HERE = sorted(p for p in POINTS if p.startswith("gateway.") and p != "gateway.after_end")
# what the socket, the server and the reader may hold that never reached a buffer
IN_FLIGHT = MIB


def stored(client: httpx.Client, path: str) -> None:
    found = tus.ended(client, path)
    assert (found["state"], found["sha256"]) == ("stored", DIGEST)


def test_a_cut_connection_keeps_what_arrived(
    gateway: RealGateway, client: httpx.Client, places: Places
) -> None:
    path = tus.create(client, len(BODY))
    raw = tus.RawPatch(gateway, path, 0, len(BODY))
    sent = 7 * MIB
    raw.send(BODY[:sent])
    raw.cut()
    # not by HEAD: asking would end the request before all of this is read
    eventually(lambda: sent - IN_FLIGHT <= row_offset(places, path) <= sent)
    tus.send_the_rest(client, path, BODY)
    stored(client, path)


def test_one_mebibyte_requests_make_progress(client: httpx.Client, places: Places) -> None:
    path = tus.create(client, len(BODY))
    for at in range(0, len(BODY), MIB):
        answer = tus.patch(client, path, at, BODY[at : at + MIB])
        assert int(answer.headers["upload-offset"]) == min(at + MIB, len(BODY))
    stored(client, path)
    parts = asyncio.run(
        places.rows("SELECT size FROM part WHERE upload_id = $1 ORDER BY number", tus.id_of(path))
    )
    assert [row["size"] for row in parts] == [5 * MIB] * 3 + [len(BODY) - 15 * MIB]
    assert asyncio.run(places.objects(f"staging/{tus.id_of(path)}/")) == {}


def test_a_public_client_uploads_in_chunks_of_its_own(
    gateway: RealGateway, client: httpx.Client
) -> None:
    bearer = {"Authorization": f"Bearer {gateway.places.token()}"}
    uploader = TusClient(f"{gateway.url}/files/", headers=bearer).uploader(
        file_stream=io.BytesIO(BODY), chunk_size=3_333_333, metadata={"filename": "a.flac"}
    )
    uploader.upload(stop_at=6_000_000)
    address = str(uploader.url)
    again = TusClient(f"{gateway.url}/files/", headers=bearer).uploader(
        file_stream=io.BytesIO(BODY), chunk_size=4 * MIB, url=address
    )
    again.upload()
    stored(client, httpx.URL(address).path)


@pytest.mark.req("UPL-11")
@pytest.mark.parametrize("point", POINTS_HERE)
def test_a_kill_at_any_point_loses_nothing_that_was_acknowledged(
    places: Places, log: Path, point: str
) -> None:
    extra = {"REPRISE_UPLOAD_SWEEP_INTERVAL": "0.3"}
    with running(places, log, f"{point}=exit", **extra) as gateway, gateway.client() as client:
        path, acknowledged = "", 0
        try:
            path = tus.create(client, len(BODY))
            for at in range(0, len(BODY), 4 * MIB):
                answer = tus.patch(client, path, at, BODY[at : at + 4 * MIB])
                acknowledged = int(answer.headers["upload-offset"])
        except httpx.TransportError:
            pass
        assert gateway.died() == 137
        gateway.start()
        path = path or tus.create(client, len(BODY))
        assert tus.offset(client, path) >= acknowledged
        tus.send_the_rest(client, path, BODY)
        stored(client, path)
        assert_no_leftovers(places, path)


def assert_no_leftovers(places: Places, path: str) -> None:
    eventually(
        lambda: (
            asyncio.run(
                places.rows("SELECT 1 FROM upload WHERE id = $1 AND cleared", tus.id_of(path))
            )
            != []
        )
    )
    (row,) = asyncio.run(places.rows("SELECT key FROM upload WHERE id = $1", tus.id_of(path)))
    assert asyncio.run(places.multiparts(row["key"])) == []
    assert asyncio.run(places.objects(f"staging/{tus.id_of(path)}/")) == {}


def test_sigterm_in_mid_patch_saves_what_arrived_and_answers_503(places: Places, log: Path) -> None:
    with running(places, log) as gateway, gateway.client() as client:
        path = tus.create(client, len(BODY))
        raw = tus.RawPatch(gateway, path, 0, len(BODY))
        sent = 8 * MIB
        raw.send(BODY[:sent])
        eventually(lambda: row_offset(places, path) == 5 * MIB)
        received(gateway, at_least=sent)
        gateway.tell(signal.SIGTERM)
        assert raw.answer().startswith("HTTP/1.1 503")
        raw.cut()
        assert gateway.died() == 0
        assert row_offset(places, path) == sent
        gateway.start()
        tus.send_the_rest(client, path, BODY)
        stored(client, path)


def test_the_newer_of_two_requests_wins(gateway: RealGateway, client: httpx.Client) -> None:
    path = tus.create(client, len(BODY))
    older = tus.RawPatch(gateway, path, 0, len(BODY))
    older.send(BODY[:MIB])
    received(gateway, at_least=MIB)
    assert tus.patch(client, path, 0, BODY).status_code == 204
    assert older.answer().startswith("HTTP/1.1 409")
    older.cut()
    stored(client, path)


def test_a_wrong_offset_leaves_a_request_under_way_alone(
    gateway: RealGateway, client: httpx.Client
) -> None:
    path = tus.create(client, len(BODY))
    raw = tus.RawPatch(gateway, path, 0, len(BODY))
    raw.send(BODY[: 6 * MIB])
    assert tus.patch(client, path, 77, b"x").status_code == 409
    raw.send(BODY[6 * MIB :])
    assert raw.answer().startswith("HTTP/1.1 204")
    raw.cut()
    stored(client, path)


def test_head_ends_a_half_open_request_and_tells_the_true_offset(
    gateway: RealGateway, client: httpx.Client
) -> None:
    path = tus.create(client, len(BODY))
    before = total_received(gateway)
    raw = tus.RawPatch(gateway, path, 0, len(BODY))
    raw.send(BODY[:MIB])
    eventually(lambda: total_received(gateway) >= before + MIB)
    assert tus.offset(client, path) == MIB
    tus.send_the_rest(client, path, BODY)
    raw.cut()
    stored(client, path)


def test_two_processes_cut_each_other_without_hole_or_double(
    places: Places, gateway: RealGateway, client: httpx.Client, log: Path
) -> None:
    with running(places, log) as other, other.client() as elsewhere:
        path = tus.create(client, len(BODY))
        older = tus.RawPatch(gateway, path, 0, len(BODY))
        older.send(BODY[: 6 * MIB])
        eventually(lambda: row_offset(places, path) == 5 * MIB)
        assert tus.patch(elsewhere, path, 5 * MIB, BODY[5 * MIB :]).status_code == 204
        older.send(BODY[6 * MIB :])
        assert older.answer().startswith("HTTP/1.1 409")
        older.cut()
        stored(elsewhere, path)


def test_identical_requests_at_once_give_one_whole_file(gateway: RealGateway) -> None:
    with gateway.client() as client:
        path = tus.create(client, len(BODY))

    def send() -> None:
        with gateway.client() as one:
            tus.patch(one, path, 0, BODY)

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    with gateway.client() as client:
        tus.send_the_rest(client, path, BODY)
        stored(client, path)


def test_a_silent_client_is_ended_and_keeps_its_bytes(places: Places, log: Path) -> None:
    extra = {"REPRISE_UPLOAD_STALL": "0.5", "REPRISE_UPLOAD_BUFFERS": "1"}
    with running(places, log, **extra) as gateway, gateway.client() as client:
        path = tus.create(client, len(BODY))
        raw = tus.RawPatch(gateway, path, 0, len(BODY))
        raw.send(BODY[:MIB])
        assert raw.answer().startswith("HTTP/1.1 503")
        raw.cut()
        assert row_offset(places, path) == MIB
        tus.send_the_rest(client, path, BODY)
        stored(client, path)


def test_no_free_buffer_is_503_with_a_time_to_come_back(places: Places, log: Path) -> None:
    extra = {"REPRISE_UPLOAD_BUFFER_WAIT": "0.3", "REPRISE_UPLOAD_BUFFERS": "1"}
    with running(places, log, **extra) as gateway, gateway.client() as client:
        holder = tus.RawPatch(gateway, tus.create(client, len(BODY)), 0, len(BODY))
        holder.send(BODY[:MIB])
        received(gateway, at_least=MIB)
        answer = tus.patch(client, tus.create(client, 100), 0, BODY[:100])
        assert (answer.status_code, answer.json()["code"]) == (503, "no_buffer_free")
        assert int(answer.headers["retry-after"]) > 0
        holder.cut()
        eventually(
            lambda: tus.patch(client, tus.create(client, 100), 0, BODY[:100]).status_code == 204
        )


def row_offset(places: Places, path: str) -> int:
    (row,) = asyncio.run(places.rows('SELECT "offset" FROM upload WHERE id = $1', tus.id_of(path)))
    return int(row["offset"])


def total_received(gateway: RealGateway) -> float:
    text = httpx.get(f"{gateway.url}/metrics").text
    lines = (line for line in text.splitlines() if "received_bytes_total " in line)
    return sum(float(line.split()[1]) for line in lines if not line.startswith("#"))


def received(gateway: RealGateway, *, at_least: int) -> None:
    eventually(lambda: total_received(gateway) >= at_least)
