"""The faulty store is a correct one until it is told otherwise, and then wrong in that way only."""

import asyncio
import base64
import hashlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from common.errors import RepriseError, Unavailable
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.s3.presign import Presigner
from common.settings.groups import S3Settings
from common.testing.buckets import store_settings
from common.testing.object_store_suite import CASES, Case
from common.testing.waiting import eventually
from devstack.faults.s3.server import FaultyS3

pytestmark = pytest.mark.integration
MIB = 1024 * 1024
KEYS = ("faulty", "a-secret-of-the-faulty-store")


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[FaultyS3]:
    with FaultyS3(tmp_path / "store", *KEYS) as server:
        yield server


@pytest.fixture
def settings(faulty: FaultyS3) -> S3Settings:
    return store_settings(faulty.environment, "media")


@pytest.fixture
async def store(settings: S3Settings) -> AsyncIterator[ObjectStore]:
    async with open_s3(settings) as client:
        yield ObjectStore(client, settings.bucket)


def put(url: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    return httpx.put(url, content=body, headers=headers).status_code


def put_cut_short(url: str, promised: int, sent: bytes) -> None:
    """Promise more bytes than are sent, then end the sending side cleanly, as a vanished tab."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as client:
        head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        client.sendall(f"{head}Content-Length: {promised}\r\n\r\n".encode() + sent)
        client.shutdown(socket.SHUT_WR)
        client.recv(100)


@pytest.mark.req("STO-01")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_without_faults_it_behaves_as_the_suite_says(case: Case, store: ObjectStore) -> None:
    await case(store, "suite/")


async def test_another_secret_is_refused(settings: S3Settings) -> None:
    wrong = settings.model_copy(update={"secret_access_key": SecretStr("x" * 30)})
    async with open_s3(wrong) as client:
        with pytest.raises(Unavailable) as denied:
            await ObjectStore(client, "media").get("a")
    assert denied.value.code == "storage_denied"


def test_a_presigned_url_is_good_for_what_was_signed_and_for_nothing_else(
    settings: S3Settings,
) -> None:
    url = Presigner(settings).url("PUT", "u/a", expires=60, headers={"content-type": "image/png"})
    assert put(url, b"x", {"Content-Type": "image/png"}) == 200
    assert put(url, b"x", {"Content-Type": "text/html"}) == 403
    assert put(url, b"x", {"Content-Type": "image/png", "x-amz-acl": "public-read"}) == 403
    assert put(url.replace("u/a", "u/b"), b"x", {"Content-Type": "image/png"}) == 403
    assert put(url.partition("?")[0], b"x") == 403


def test_a_signed_digest_binds_the_body(settings: S3Settings) -> None:
    digest = hashlib.md5(b"good", usedforsecurity=False).digest()
    header = {"content-md5": base64.b64encode(digest).decode()}
    url = Presigner(settings).url("PUT", "u/md5", expires=60, headers=header)
    assert put(url, b"evil", header) == 400
    assert put(url, b"good", header) == 200


async def test_a_cut_body_is_kept_only_by_a_store_that_does_not_refuse_it(
    faulty: FaultyS3, settings: S3Settings
) -> None:
    url = Presigner(settings).url("PUT", "u/cut", expires=60)
    put_cut_short(url, 1000, b"x" * 500)
    await eventually(lambda: [call.status for call in faulty.calls] == [400])
    assert faulty.keys == []
    faulty.offer(refuses_short_bodies=False)
    put_cut_short(url, 1000, b"x" * 500)
    await eventually(lambda: faulty.keys == ["u/cut"])


async def test_a_slowed_store_is_asked_again_and_then_works(
    faulty: FaultyS3, store: ObjectStore
) -> None:
    faulty.fail("PutObject", status=503, code="SlowDown", times=1)
    await store.put("slow", b"x", content_type="text/plain")
    assert [call.status for call in faulty.calls if call.operation == "PutObject"] == [503, 200]


async def test_work_done_without_an_answer_is_there_when_looked_for(
    faulty: FaultyS3, store: ObjectStore
) -> None:
    multipart = await store.create_multipart("whole", "audio/flac")
    etag = await store.upload_part("whole", multipart, 1, b"y" * MIB)
    faulty.reset_after("CompleteMultipartUpload")
    with pytest.raises(Unavailable):
        await store.complete_multipart("whole", multipart, [(1, etag)])
    head = await store.head("whole")
    assert head is not None
    assert head.size == MIB


async def test_an_answer_is_cut_where_the_test_says(faulty: FaultyS3, store: ObjectStore) -> None:
    await store.put("long", b"z" * MIB, content_type="audio/flac")
    faulty.cut_answer("GetObject", at=1000)

    async def read() -> None:
        async with aclosing(store.stream("long")) as pieces:
            async for _ in pieces:
                pass

    with pytest.raises(RepriseError):
        await read()


async def test_a_hanging_part_hangs_until_healed(faulty: FaultyS3, store: ObjectStore) -> None:
    multipart = await store.create_multipart("hung", "audio/flac")
    faulty.hang("UploadPart", part=3)
    await store.upload_part("hung", multipart, 1, b"a" * 1000)
    async with asyncio.TaskGroup() as group:
        third = group.create_task(store.upload_part("hung", multipart, 3, b"c" * 1000))
        await eventually(lambda: faulty.hanging == 1)
        assert not third.done()
        faulty.heal()
    assert third.result()


async def test_a_short_list_and_a_lost_object_look_like_the_truth(
    faulty: FaultyS3, store: ObjectStore
) -> None:
    for number in range(5):
        await store.put(f"l/{number}", b"x", content_type="text/plain")
    faulty.lose("l/4")
    assert [item.key async for item in store.list("l/")] == ["l/0", "l/1", "l/2", "l/3"]
    assert await store.head("l/4") is None
    faulty.shorten("ListObjectsV2", to=2)
    assert [item.key async for item in store.list("l/")] == ["l/0", "l/1"]


async def test_what_is_made_of_parts_is_read_across_them_and_takes_no_place_of_its_own(
    store: ObjectStore, tmp_path: Path
) -> None:
    hole = bytes(6 * MIB)
    parts = [b"a" * MIB + hole, hole, b"b" * 100 + bytes(200)]
    upload_id = await store.create_multipart("large", "audio/flac")
    etags = [
        (number, await store.upload_part("large", upload_id, number, part))
        for number, part in enumerate(parts, 1)
    ]
    await store.complete_multipart("large", upload_id, etags)
    whole = b"".join(parts)
    assert await store.get("large") == whole
    for start, end in [(0, 1), (MIB - 1, 7 * MIB + 1), (6 * MIB, 13 * MIB + 50), (13 * MIB, None)]:
        assert await store.get("large", start=start, end=end) == whole[start:end]
    files = [file.stat() for file in (tmp_path / "store").iterdir()]
    assert sum(file.st_size for file in files) == len(whole)
    assert sum(file.st_blocks * 512 for file in files) < 2 * MIB
