"""Ranged reads from the real store, also through a line that breaks."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from services.delivery.tests.integration.cutting_proxy import CuttingProxy, cutting_proxy

from common.errors import Gone, Unavailable
from common.ids import new_asset_id, original_key
from common.s3.objects import ObjectStore
from common.s3.presign import Presigner
from common.settings.groups import S3Settings
from common.testing.buckets import open_bucket, store_settings
from delivery.adapters.s3_media import S3Media, open_session
from delivery.domain.byte_range import ByteRange
from delivery.domain.errors import ObjectChanged
from delivery.domain.media import StoredMedia
from devstack.stack import Stack

pytestmark = pytest.mark.integration

DATA = os.urandom(1_000_000)
WHOLE = ByteRange(0, len(DATA) - 1)


@dataclass
class Line:
    """The adapter, what it reads, and the line between it and the store."""

    media: S3Media
    stored: StoredMedia
    proxy: CuttingProxy
    store: ObjectStore

    async def read(self, wanted: ByteRange, stored: StoredMedia | None = None) -> bytes:
        async with self.media.open(stored or self.stored, wanted) as chunks:
            return b"".join([chunk async for chunk in chunks])


@pytest.fixture
async def line(infra: Stack) -> AsyncIterator[Line]:
    direct = store_settings(infra.environment("delivery"), "delivery-tests")
    address = urlsplit(direct.endpoint)
    key = original_key(new_asset_id(), "flac")
    async with (
        open_bucket(direct) as store,
        cutting_proxy(address.hostname or "", address.port or 80) as (proxy, port),
        open_session(8) as session,
    ):
        put = await store.put(key, DATA, content_type="audio/flac")
        through = direct.model_copy(update={"endpoint": f"http://127.0.0.1:{port}"})
        media = S3Media(session, Presigner(through, for_origin="internal"))
        stored = StoredMedia("original", key, len(DATA), put.etag, "audio/flac")
        yield Line(media, stored, proxy, store)


@pytest.mark.parametrize(
    "wanted", [WHOLE, ByteRange(0, 0), ByteRange(500, 70_000), ByteRange(999_999, 999_999)]
)
async def test_exactly_the_bytes_asked_for_arrive(line: Line, wanted: ByteRange) -> None:
    assert await line.read(wanted) == DATA[wanted.first : wanted.last + 1]


async def test_a_broken_body_is_taken_up_where_it_stopped_with_the_same_version(
    line: Line,
) -> None:
    line.proxy.cuts, line.proxy.after = 2, 300_000
    assert await line.read(WHOLE) == DATA
    heads = b"".join(line.proxy.heads)
    assert heads.count(b"Range: bytes=") == 3
    assert heads.count(f'If-Match: "{line.stored.etag}"'.encode()) == 3
    assert heads.count(b"Range: bytes=0-") == 1


async def test_a_body_that_breaks_for_ever_is_an_error_and_never_a_short_end(line: Line) -> None:
    line.proxy.cuts, line.proxy.after = 1000, 50
    with pytest.raises(Unavailable) as failure:
        await line.read(WHOLE)
    assert failure.value.code == "storage_unavailable"
    line.proxy.cuts = 0
    got = bytearray()

    async def read_on_a_line_that_dies() -> None:
        async with line.media.open(line.stored, WHOLE) as chunks:
            line.proxy.cuts, line.proxy.after = 1000, 1
            async for chunk in chunks:
                got.extend(chunk)

    line.proxy.cuts, line.proxy.after = 1, 300_000
    with pytest.raises(Unavailable):
        await read_on_a_line_that_dies()
    assert 0 < len(got) < len(DATA)


async def test_a_read_that_does_not_begin_is_tried_again(line: Line) -> None:
    line.proxy.cuts, line.proxy.after = 2, 1
    assert await line.read(ByteRange(0, 9)) == DATA[:10]
    assert line.proxy.connections == 3


async def test_a_store_that_is_down_is_left_alone_for_a_while(line: Line) -> None:
    line.proxy.cuts, line.proxy.after = 1000, 1
    for _ in range(12):
        with pytest.raises(Unavailable) as failure:
            await line.read(WHOLE)
        assert failure.value.code == "storage_unavailable"
    # eight failures in a row are enough, and the client connects twice for each
    assert line.proxy.connections <= 16


async def test_one_bad_object_shuts_nobody_out(line: Line) -> None:
    other = StoredMedia("original", line.stored.key, len(DATA), "0" * 32, "audio/flac")
    for _ in range(12):
        with pytest.raises(ObjectChanged):
            await line.read(ByteRange(0, 9), other)
    assert await line.read(ByteRange(0, 9)) == DATA[:10]


async def test_leaving_early_ends_the_read(line: Line) -> None:
    async with line.media.open(line.stored, WHOLE) as chunks:
        await anext(aiter(chunks))
    assert await line.read(ByteRange(0, 9)) == DATA[:10]
    # the first connection was not drained and used again, it was given up
    assert line.proxy.connections == 2


async def test_connections_of_whole_bodies_are_used_again(line: Line) -> None:
    for _ in range(5):
        await line.read(ByteRange(0, 99_999))
    assert line.proxy.connections == 1


async def test_an_object_that_is_not_there_is_gone(line: Line) -> None:
    await line.store.delete(line.stored.key)
    with pytest.raises(Gone):
        await line.read(WHOLE)


async def test_another_version_under_the_key_is_refused(line: Line) -> None:
    for etag, size in (("0" * 32, len(DATA)), (line.stored.etag, len(DATA) + 5)):
        other = StoredMedia("original", line.stored.key, size, etag, "audio/flac")
        with pytest.raises(ObjectChanged):
            await line.read(ByteRange(0, 9), other)


async def test_a_store_that_cannot_be_reached_is_unavailable(line: Line) -> None:
    settings = S3Settings(
        endpoint="http://127.0.0.1:1",
        access_key_id="x",
        secret_access_key=SecretStr("y"),
        bucket="delivery-tests",
    )
    silent = S3Media(line.media.session, Presigner(settings, for_origin="internal"))
    with pytest.raises(Unavailable) as failure:
        async with silent.open(line.stored, WHOLE):
            raise AssertionError
    assert failure.value.code == "storage_unavailable"
