"""What our writes look like on the wire, whatever the scheme (storage.md 3)."""

import hashlib
from typing import Any

import pytest
from aiobotocore.awsrequest import AioAWSResponse
from pydantic import SecretStr

from common.errors import Unavailable
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.settings.groups import S3Settings

BODY = b"x" * 3_000_000


class Wire:
    """Answers in place of a store and keeps what was sent."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.requests: list[Any] = []

    def take_the_place_of_the_store(self, client: Any) -> None:
        client.meta.events.register("before-send.s3", self)

    async def __call__(self, request: Any, **_: Any) -> AioAWSResponse:
        self.requests.append(request)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return Answer(request.url, status)


class Answer(AioAWSResponse):
    """An answer with headers and no body."""

    def __init__(self, url: str, status: int) -> None:
        headers: Any = {"etag": '"abc"'}
        super().__init__(url, status, headers, None)
        self._content = b""


def settings(scheme: str) -> S3Settings:
    return S3Settings(
        endpoint=f"{scheme}://store.example",
        access_key_id="id",
        secret_access_key=SecretStr("secret"),
    )


@pytest.mark.req("STO-01")
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_write_signs_its_payload_and_tells_its_length(scheme: str) -> None:
    wire = Wire(200)
    async with open_s3(settings(scheme)) as client:
        wire.take_the_place_of_the_store(client)
        store = ObjectStore(client, "bucket-one")
        await store.put("u/a", BODY, content_type="audio/flac")
        await store.upload_part("u/a", "id", 1, memoryview(BODY))
    for request in wire.requests:
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert request.url.startswith(f"{scheme}://store.example/bucket-one/u/a")
        assert _text(headers["x-amz-content-sha256"]) == hashlib.sha256(BODY).hexdigest()
        assert _text(headers["content-length"]) == str(len(BODY))
        assert "x-amz-content-sha256" in _text(headers["authorization"])
        assert "/us-east-1/s3/aws4_request" in _text(headers["authorization"])
        assert not {"transfer-encoding", "content-encoding"} & headers.keys()
        assert not [name for name in headers if name.startswith("x-amz-checksum")]


async def test_a_store_without_conditions_is_written_to_all_the_same() -> None:
    wire = Wire(501, 200)
    async with open_s3(settings("http")) as client:
        wire.take_the_place_of_the_store(client)
        store = ObjectStore(client, "bucket-one")
        await store.put("u/a", b"x", content_type="audio/flac")
        await store.put("u/b", b"x", content_type="audio/flac")
    conditions = ["If-None-Match" in request.headers for request in wire.requests]
    assert conditions == [True, False, False]


async def test_a_busy_store_is_asked_three_times() -> None:
    wire = Wire(503)
    async with open_s3(settings("http")) as client:
        wire.take_the_place_of_the_store(client)
        with pytest.raises(Unavailable) as busy:
            await ObjectStore(client, "bucket-one").head("u/a")
    assert (busy.value.code, len(wire.requests)) == ("storage_busy", 3)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
