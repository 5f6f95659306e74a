"""The object store against the real server, over a socket, with signatures checked."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from common.errors import RepriseError, Unavailable
from common.ids import new_object_id
from common.s3 import files
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.settings.groups import S3Settings
from common.testing.buckets import open_bucket, store_settings
from common.testing.object_store_suite import CASES, Case
from devstack.stack import Stack

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(infra: Stack) -> S3Settings:
    return store_settings(infra.environment("setup"), "common-objects")


@pytest.fixture
async def store(settings: S3Settings) -> AsyncIterator[ObjectStore]:
    async with open_bucket(settings) as opened:
        yield opened


@pytest.fixture
def prefix() -> str:
    return f"suite-{new_object_id()}/"


@pytest.mark.req("STO-01")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_real_store_behaves_as_the_suite_says(
    case: Case, store: ObjectStore, prefix: str
) -> None:
    await case(store, prefix)


async def test_a_file_that_cannot_be_finished_leaves_no_multipart(
    store: ObjectStore, prefix: str, tmp_path: Path
) -> None:
    source = tmp_path / "big"
    source.write_bytes(bytes(17 * 1024 * 1024))
    await store.put(prefix + "blocked", b"x", content_type="text/plain")
    with pytest.raises(RepriseError):  # a key below an object cannot exist on this server
        await files.upload(store, source, prefix + "blocked/file", "video/mp4")
    assert [item async for item in store.list_multiparts(prefix)] == []


async def test_wrong_keys_are_our_trouble_not_the_callers(settings: S3Settings) -> None:
    wrong = settings.model_copy(update={"secret_access_key": SecretStr("x" * 40)})
    async with open_s3(wrong) as client:
        with pytest.raises(Unavailable) as denied:
            await ObjectStore(client, wrong.bucket).get("a")
    assert denied.value.code == "storage_denied"


async def test_a_store_that_is_not_there_is_unavailable(settings: S3Settings) -> None:
    nowhere = settings.model_copy(update={"endpoint": "http://127.0.0.1:9"})
    async with open_s3(nowhere) as client:
        with pytest.raises(Unavailable) as silent:
            await ObjectStore(client, nowhere.bucket).check()
    assert silent.value.code == "storage_unavailable"


async def test_a_missing_bucket_fails_the_check(settings: S3Settings) -> None:
    absent = settings.model_copy(update={"bucket": "no-such-bucket"})
    async with open_s3(absent) as client:
        with pytest.raises(RepriseError):
            await ObjectStore(client, absent.bucket).check()
