"""What the production client sends, as the store sees it on the wire."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from common.errors import RepriseError
from common.s3 import files
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.s3.presign import Presigner
from common.settings.groups import S3Settings
from common.testing.buckets import store_settings
from common.testing.object_store_suite import CASES
from devstack.faults.s3.server import FaultyS3

pytestmark = pytest.mark.integration
KEYS = ("rules", "a-secret-for-the-rules")
MIB = 1024 * 1024


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[FaultyS3]:
    with FaultyS3(tmp_path / "store", *KEYS) as server:
        yield server


@pytest.fixture
async def store(faulty: FaultyS3) -> AsyncIterator[ObjectStore]:
    settings = store_settings(faulty.environment, "media")
    async with open_s3(settings) as client:
        yield ObjectStore(client, settings.bucket)


@pytest.mark.req("SEC-15")
async def test_no_operation_sets_an_acl_and_no_written_key_is_public(
    faulty: FaultyS3, store: ObjectStore
) -> None:
    for case in CASES:
        await case(store, f"{case.__name__}/")
    written = [call for call in faulty.calls if call.operation in {"PutObject", "UploadPart"}]
    assert len(written) > 20
    assert not [call for call in faulty.calls if "x-amz-acl" in call.headers]
    assert {call.headers["x-amz-content-sha256"] for call in written} & {
        "UNSIGNED-PAYLOAD"
    } == set()
    async with httpx.AsyncClient(base_url=f"{faulty.endpoint}/media/") as nobody:
        assert {(await nobody.get(key)).status_code for key in faulty.keys} == {403}


@pytest.mark.req("STO-02")
async def test_the_bucket_stands_in_the_path_and_never_in_the_host(
    faulty: FaultyS3, store: ObjectStore
) -> None:
    await store.put("a/key", b"x", content_type="text/plain")
    assert [(call.host, call.key) for call in faulty.calls] == [
        (faulty.endpoint.removeprefix("http://"), "a/key")
    ]


@pytest.mark.req("STO-02")
async def test_who_asks_the_sdk_for_virtual_hosts_gets_the_path_all_the_same(
    faulty: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\ns3 =\n    addressing_style = virtual\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    # of an address in numbers the SDK would make no other host in any case
    named = faulty.endpoint.replace("127.0.0.1", "localhost")
    settings = S3Settings(
        endpoint=named,
        access_key_id=KEYS[0],
        secret_access_key=SecretStr(KEYS[1]),
        bucket="media",
    )
    async with open_s3(settings) as client:
        await ObjectStore(client, settings.bucket).put("a/key", b"x", content_type="text/plain")
    url = Presigner(settings).get_url("a/key", expires=60)
    async with httpx.AsyncClient() as nobody:
        assert (await nobody.get(url)).content == b"x"
    hosts = {(call.host, call.key) for call in faulty.calls}
    assert hosts == {(named.removeprefix("http://"), "a/key")}


async def test_parts_of_a_file_are_equal_but_for_the_last(
    faulty: FaultyS3, store: ObjectStore, tmp_path: Path
) -> None:
    source = tmp_path / "file"
    source.write_bytes(bytes(20 * MIB + 5))
    await files.upload(store, source, "parts", "video/mp4")
    sizes = [call.size for call in faulty.calls if call.operation == "UploadPart"]
    assert len(set(sizes[:-1])) == 1
    assert sizes[-1] <= sizes[0]
    assert sum(sizes) == 20 * MIB + 5


@pytest.mark.req("STO-09")
async def test_a_store_that_asks_to_slow_down_is_not_buried_under_retries(
    faulty: FaultyS3, store: ObjectStore
) -> None:
    faulty.fail("PutObject", status=503, code="SlowDown")
    for number in range(60):
        with pytest.raises(RepriseError) as refused:
            await store.put(f"burst/{number}", b"x", content_type="text/plain")
        assert refused.value.code in {"storage_busy", "storage_unavailable"}
    # eight calls of three tries each open the breaker; what follows is refused without asking
    assert len(faulty.calls) <= 8 * 3
