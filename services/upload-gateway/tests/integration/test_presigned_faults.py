"""Uploads past the gateway into a store that fails on order, and that lacks what others have."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from gateway_support import presigned, tus
from gateway_support.places import MIB, Places, make_places
from gateway_support.presigned import ask, commit, ended, follow, send, sha256, signed
from gateway_support.real_gateway import RealGateway, eventually, running

from devstack.faults.s3.server import FaultyS3
from devstack.faults.tcp_proxy import TcpProxy
from devstack.stack import Stack
from upload_gateway.usecases.judge_content import OPENING

pytestmark = pytest.mark.integration
KEYS = ("faulty-key", "faulty-secret-faulty-secret")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyS3]:
    with FaultyS3(tmp_path_factory.mktemp("store"), *KEYS) as server:
        yield server


@pytest.fixture(scope="module")
def faulty_places(infra: Stack, faulty: FaultyS3) -> Places:
    places = make_places({**infra.env, **faulty.environment})
    presigned.suppose(places, presigned.TELLING)
    return places


@pytest.fixture(scope="module")
def shaky(faulty_places: Places, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGateway]:
    rhythm = {"REPRISE_UPLOAD_SWEEP_INTERVAL": "0.3", "REPRISE_UPLOAD_URL_LATE": "0"}
    with running(faulty_places, tmp_path_factory.mktemp("shaky") / "log", **rhythm) as started:
        yield started


@pytest.fixture
def client(shaky: RealGateway, faulty: FaultyS3) -> Iterator[httpx.Client]:
    faulty.heal()
    headers = {"Authorization": f"Bearer {shaky.places.token()}"}
    with httpx.Client(base_url=shaky.url, headers=headers, timeout=60) as opened:
        yield opened
    faulty.heal()


def test_where_a_cut_body_is_refused_parts_need_no_digest(
    client: httpx.Client, faulty: FaultyS3
) -> None:
    content = tus.flac(6 * MIB, "no digests")
    upload = signed(client, content, mode="multipart", sha256=None)
    assert upload["parts"]["digest_needed"] is False
    first, second = presigned.part_requests(client, upload, content, 1, 2, digests=False)
    assert set(first["headers"]) == {"Content-Length"}
    _cut(first, presigned.piece(upload, content, 1))
    assert follow(client, upload["status"]).json()["parts"] == []
    for request in (first, second):
        assert send(request, presigned.piece(upload, content, request["number"])).is_success
    assert commit(client, upload).status_code == 200
    assert ended(client, upload)["sha256"] == sha256(content)


def test_a_file_is_looked_at_by_its_opening_and_read_once_before_it_is_stored(
    client: httpx.Client, faulty: FaultyS3
) -> None:
    content = tus.flac(300_000, "read once")
    upload = signed(client, content)
    assert send(upload, content).status_code == 200
    assert commit(client, upload).status_code == 200
    assert ended(client, upload)["state"] == "stored"
    asked = [call for call in faulty.calls if call.key == upload["key"]]
    assert [call.operation for call in asked[:2]] == ["PutObject", "HeadObject"]
    reads = [call.headers.get("range") for call in asked if call.operation == "GetObject"]
    assert reads[0] == f"bytes=0-{OPENING - 1}"
    assert reads.count(None) == 1
    assert set(reads) == {reads[0], None}


def test_a_put_that_a_vanished_tab_cut_is_not_there_and_is_sent_again(
    client: httpx.Client, faulty: FaultyS3
) -> None:
    content = tus.flac(300_000, "vanished")
    faulty.offer(refuses_short_bodies=False)
    try:
        upload = signed(client, content)
        _cut(upload, content)
        answer = commit(client, upload)
        assert (answer.status_code, answer.json()["code"]) == (409, "object_missing")
    finally:
        faulty.offer(refuses_short_bodies=True)
    assert send(upload, content).status_code == 200
    assert commit(client, upload).status_code == 200
    assert ended(client, upload)["state"] == "stored"


@pytest.mark.req("UPL-21")
def test_a_commit_whose_complete_was_answered_by_nobody_makes_one_object(
    client: httpx.Client, faulty: FaultyS3
) -> None:
    content = tus.flac(6 * MIB, "nobody answers")
    upload = signed(client, content, mode="multipart")
    presigned.send_all(client, upload, content)
    faulty.reset_after("CompleteMultipartUpload", times=1)
    answers = [commit(client, upload).status_code for _ in range(2)]
    assert answers == [200, 200]
    assert ended(client, upload)["sha256"] == sha256(content)
    assert faulty.keys.count(upload["key"]) == 1
    assert upload["key"] not in faulty.open_multiparts
    written = [call for call in faulty.calls if call.key == upload["key"] and call.status == 200]
    assert sum(call.operation == "CompleteMultipartUpload" for call in written) <= 1


def test_two_commits_at_once_are_both_answered_and_verified_once(
    client: httpx.Client, shaky: RealGateway
) -> None:
    content = tus.flac(6 * MIB, "at once")
    upload = signed(client, content, mode="multipart")
    presigned.send_all(client, upload, content)

    async def both() -> list[int]:
        async with httpx.AsyncClient(headers=client.headers, timeout=60) as asking:
            step = upload["commit"]
            several = [asking.post(step["url"], json=step["body"]) for _ in range(8)]
            return [answer.status_code for answer in await asyncio.gather(*several)]

    assert asyncio.run(both()) == [200] * 8
    assert ended(client, upload)["state"] == "stored"
    query = "SELECT count(*) FROM job WHERE subject = $1"
    (row,) = asyncio.run(shaky.places.rows(query, upload["upload_id"]))
    assert row["count"] == 1


@pytest.mark.req("CAT-11")
def test_a_list_that_stops_short_or_a_store_that_is_away_loses_nothing(
    client: httpx.Client, faulty: FaultyS3
) -> None:
    content = tus.flac(6 * MIB, "short list")
    upload = signed(client, content, mode="multipart")
    presigned.send_all(client, upload, content)
    faulty.shorten("ListParts", 1)
    answer = commit(client, upload)
    assert (answer.status_code, answer.json()["missing"]) == (409, [2])
    faulty.heal()
    faulty.fail("CompleteMultipartUpload")
    assert commit(client, upload).status_code == 503
    assert follow(client, upload["status"]).json()["state"] == "receiving"
    faulty.heal()
    assert commit(client, upload).status_code == 200
    assert ended(client, upload)["state"] == "stored"


def test_an_object_that_the_store_loses_after_the_put_is_not_committed(
    client: httpx.Client, faulty: FaultyS3
) -> None:
    content = tus.flac(1000, "lost")
    upload = signed(client, content)
    send(upload, content)
    faulty.lose(upload["key"])
    answer = commit(client, upload)
    assert (answer.status_code, answer.json()["code"]) == (409, "object_missing")


@pytest.mark.req("CAT-04")
def test_without_the_database_a_commit_is_503_and_nothing_is_acknowledged(
    faulty_places: Places, log: Path
) -> None:
    url = urlsplit(faulty_places.env["REPRISE_POSTGRES_URL"])
    content = tus.flac(1000, "no database")
    with TcpProxy(url.hostname or "", url.port or 0) as proxy:
        through = url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{proxy.port}")
        behind = {"REPRISE_POSTGRES_URL": through.geturl()}
        with running(faulty_places, log, **behind) as gateway, gateway.client() as client:
            upload = signed(client, content)
            send(upload, content)
            proxy.refuse()
            answer = commit(client, upload)
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            query = "SELECT state FROM upload WHERE id = $1"
            (row,) = asyncio.run(faulty_places.rows(query, upload["upload_id"]))
            assert row["state"] == "created"
            proxy.pass_through()
            eventually(lambda: commit(client, upload).status_code == 200)
            assert ended(client, upload)["state"] == "stored"


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize("goes_on", [True, False], ids=["committed again", "left"])
def test_a_gateway_killed_between_the_object_and_its_row_loses_nothing_and_leaves_nothing(
    faulty: FaultyS3, faulty_places: Places, log: Path, goes_on: bool
) -> None:
    content = tus.flac(6 * MIB, f"killed {goes_on}")
    with running(faulty_places, log, REPRISE_UPLOAD_SWEEP_INTERVAL="0.3") as gateway:
        with gateway.client() as client:
            upload = signed(client, content, mode="multipart")
            presigned.send_all(client, upload, content)
            faulty.hang("HeadObject", key=upload["key"])
            asking = threading.Thread(target=_unanswered, args=(client, upload))
            asking.start()
            eventually(lambda: faulty.hanging > 0)
            gateway.kill()
            asking.join()
        faulty.heal()
        assert upload["key"] in faulty.keys
        gateway.start()
        with gateway.client() as client:
            if goes_on:
                assert commit(client, upload).status_code == 200
                assert ended(client, upload)["sha256"] == sha256(content)
                return
            past = "UPDATE upload SET expires_at = now() WHERE id = $1"
            asyncio.run(faulty_places.rows(past, upload["upload_id"]))
            assert ended(client, upload)["state"] == "expired"
            eventually(lambda: upload["key"] not in faulty.keys)
            assert upload["key"] not in faulty.open_multiparts


def _unanswered(client: httpx.Client, upload: dict[str, Any]) -> None:
    with pytest.raises(httpx.TransportError):
        commit(client, upload)


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("lacks", "put", "parts", "digests"),
    [
        ({}, True, True, False),
        ({"refuses_short_bodies": False}, True, True, True),
        # where a whole body is refused as well, a cut one shows nothing
        ({"presigned_put": False}, False, True, True),
        ({"presigned_parts": False}, True, False, True),
        # the digest that is signed is what stops a later body
        ({"conditional_put": False}, True, True, False),
        ({"presigned_put": False, "presigned_parts": False}, False, False, True),
    ],
    ids=str,
)
def test_what_a_store_lacks_is_not_offered_and_tus_which_is_named_needs_none_of_it(
    faulty: FaultyS3,
    faulty_places: Places,
    log: Path,
    lacks: dict[str, bool],
    put: bool,
    parts: bool,
    digests: bool,
) -> None:
    faulty.offer(**lacks)
    try:
        presigned.learn(faulty_places)
        with running(faulty_places, log) as gateway, gateway.client() as client:
            told = client.get("/api/v1/uploads/config").json()["presigned"]
            assert (told["put"], told["parts"]) == (put, parts)
            assert told["part_digest_needed"] is digests
            content = tus.flac(6 * MIB, f"{lacks}")
            for way, offered in (("put", put), ("multipart", parts)):
                _goes_or_is_told_where(client, content + way.encode(), way, offered=offered)
    finally:
        faulty.offer(**dict.fromkeys(lacks, True))
        presigned.suppose(faulty_places, presigned.TELLING)


def _goes_or_is_told_where(
    client: httpx.Client, content: bytes, way: str, *, offered: bool
) -> None:
    answer = ask(client, content, mode=way)
    if offered:
        upload = answer.json()
        presigned.send_all(client, upload, content)
        assert commit(client, upload).status_code == 200
        assert ended(client, upload)["state"] == "stored"
        return
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "presigned_not_offered")
    assert problem["use"]["protocol"] == "tus"
    created = client.post(
        problem["use"]["url"],
        headers={"Upload-Length": str(len(content)), "Upload-Metadata": tus.AUDIO},
    )
    path = httpx.URL(created.headers["location"]).path
    assert tus.patch(client, path, 0, content).status_code == 204
    assert tus.ended(client, path)["state"] == "stored"


def _cut(request: dict[str, Any], body: bytes) -> None:
    """Half of the body, then a clean close, as of a tab that vanishes."""
    parts = urlsplit(request["url"])
    headers = request["headers"] | {"Host": parts.netloc}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=10) as sock:
        sock.sendall(f"PUT {parts.path}?{parts.query} HTTP/1.1\r\n{head}\r\n".encode())
        sock.sendall(body[: len(body) // 2])
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65_536):
            pass
