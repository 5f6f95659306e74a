"""What every object store must do: run against the memory double and the real store alike.

@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_memory_store(case): await case(MemoryObjectStore(), "some/prefix/")
"""
# ruff: noqa: S101, ASYNC240  (these are tests, in a module so that two suites can run them)

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from common.errors import Conflict, Invalid, NotFound
from common.s3 import files
from common.s3.objects import ObjectStore
from common.testing.objects import MemoryObjectStore

Store = ObjectStore | MemoryObjectStore
Case = Callable[[Store, str], Awaitable[None]]

MIB = 1024 * 1024
BODY = bytes(range(256)) * 512  # 128 KiB


async def a_put_is_read_back_whole(store: Store, prefix: str) -> None:
    put = await store.put(prefix + "a", BODY, content_type="audio/flac")
    assert put.size == len(BODY)
    assert put.sha256 == hashlib.sha256(BODY).hexdigest()
    assert '"' not in put.etag
    assert await store.get(prefix + "a") == BODY
    head = await store.head(prefix + "a")
    assert head is not None
    assert (head.size, head.etag, head.content_type) == (len(BODY), put.etag, "audio/flac")


async def any_buffer_may_be_put(store: Store, prefix: str) -> None:
    view = memoryview(bytearray(BODY))[100:70_000]
    await store.put(prefix + "view", view, content_type="image/png")
    assert await store.get(prefix + "view") == bytes(view)
    await store.put(prefix + "empty", b"", content_type="image/png")
    assert await store.get(prefix + "empty") == b""


async def a_second_put_is_refused_unless_wanted(store: Store, prefix: str) -> None:
    await store.put(prefix + "b", b"one", content_type="text/plain")
    with pytest.raises(Conflict) as refused:
        await store.put(prefix + "b", b"two", content_type="text/plain")
    assert refused.value.code == "object_exists"
    assert await store.get(prefix + "b") == b"one"
    await store.put(prefix + "b", b"three", content_type="text/plain", if_absent=False)
    assert await store.get(prefix + "b") == b"three"


async def what_is_missing_is_told_apart(store: Store, prefix: str) -> None:
    assert await store.head(prefix + "nothing") is None
    with pytest.raises(NotFound) as missing:
        await store.get(prefix + "nothing")
    assert missing.value.code == "object_not_found"
    await store.delete(prefix + "nothing")


async def ranges_are_half_open(store: Store, prefix: str) -> None:
    await store.put(prefix + "r", BODY, content_type="audio/flac")
    assert await store.get(prefix + "r", start=10, end=20) == BODY[10:20]
    assert await store.get(prefix + "r", start=len(BODY) - 5) == BODY[-5:]
    assert await store.get(prefix + "r", end=3) == BODY[:3]
    assert await store.get(prefix + "r", start=100, end=10 * len(BODY)) == BODY[100:]
    with pytest.raises(Invalid) as beyond:
        await store.get(prefix + "r", start=len(BODY))
    assert beyond.value.code == "range_not_satisfiable"


async def a_stream_may_be_left_early(store: Store, prefix: str) -> None:
    await store.put(prefix + "s", BODY * 8, content_type="audio/flac")
    for _ in range(20):  # more than a pool would forgive if bodies stayed open
        async with aclosing(store.stream(prefix + "s", start=1)) as pieces:
            assert (await anext(pieces)).startswith(BODY[1:100])
    assert b"".join([piece async for piece in store.stream(prefix + "s")]) == BODY * 8


async def a_stream_is_held_to_its_etag(store: Store, prefix: str) -> None:
    put = await store.put(prefix + "e", BODY, content_type="audio/flac")
    pieces = [piece async for piece in store.stream(prefix + "e", if_match=put.etag)]
    assert b"".join(pieces) == BODY
    with pytest.raises(Conflict) as changed:
        [piece async for piece in store.stream(prefix + "e", if_match="0" * 32)]
    assert changed.value.code == "object_changed"


async def a_delete_is_a_success_twice(store: Store, prefix: str) -> None:
    await store.put(prefix + "d", b"x", content_type="text/plain")
    await store.delete(prefix + "d")
    await store.delete(prefix + "d")
    assert await store.head(prefix + "d") is None


async def a_listing_is_complete_and_ordered(store: Store, prefix: str) -> None:
    names = [f"{prefix}list/{number:04d}" for number in range(25)]
    for name in reversed(names):
        await store.put(name, b"x", content_type="text/plain")
    await store.put(prefix + "other", b"x", content_type="text/plain")
    found = [info async for info in store.list(prefix + "list/")]
    assert [info.key for info in found] == names
    assert all(info.size == 1 and '"' not in info.etag for info in found)


async def files_go_in_and_out(store: Store, prefix: str) -> None:
    body = BODY * 136  # 17 MiB: several parts
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "in"), Path(folder, "out")
        source.write_bytes(body)
        put = await files.upload(store, source, prefix + "file", "video/mp4")
        assert (put.size, put.sha256) == (len(body), hashlib.sha256(body).hexdigest())
        assert await files.download(store, prefix + "file", target) == len(body)
        assert target.read_bytes() == body
        with pytest.raises(NotFound):
            await files.download(store, prefix + "nothing", Path(folder, "missing"))
        assert not Path(folder, "missing").exists()
    assert [item async for item in store.list_multiparts(prefix)] == []


async def a_multipart_is_made_of_its_parts(store: Store, prefix: str) -> None:
    key = prefix + "multi"
    upload_id = await store.create_multipart(key, "video/mp4")
    assert [item.upload_id async for item in store.list_multiparts(prefix)] == [upload_id]
    first = BODY * 40  # 5 MiB
    etags = [
        await store.upload_part(key, upload_id, 1, memoryview(first)),
        await store.upload_part(key, upload_id, 2, b"tail"),
    ]
    assert await store.head(key) is None
    etag = await store.complete_multipart(key, upload_id, list(enumerate(etags, 1)))
    head = await store.head(key)
    assert head is not None
    assert (head.size, head.etag, head.content_type) == (len(first) + 4, etag, "video/mp4")
    assert await store.get(key, start=len(first) - 2) == first[-2:] + b"tail"
    assert [item async for item in store.list_multiparts(prefix)] == []


async def a_part_may_be_written_again(store: Store, prefix: str) -> None:
    key = prefix + "again"
    upload_id = await store.create_multipart(key, "video/mp4")
    old = await store.upload_part(key, upload_id, 1, b"old")
    new = await store.upload_part(key, upload_id, 1, b"new")
    with pytest.raises(Conflict) as mismatch:
        await store.complete_multipart(key, upload_id, [(1, old)])
    assert mismatch.value.code == "part_mismatch"
    await store.complete_multipart(key, upload_id, [(1, new)])
    assert await store.get(key) == b"new"


async def a_multipart_can_be_given_up(store: Store, prefix: str) -> None:
    key = prefix + "given-up"
    upload_id = await store.create_multipart(key, "video/mp4")
    part = await store.upload_part(key, upload_id, 1, b"x")
    await store.abort_multipart(key, upload_id)
    await store.abort_multipart(key, upload_id)
    with pytest.raises(NotFound) as gone:
        await store.upload_part(key, upload_id, 2, b"x")
    assert gone.value.code == "multipart_not_found"
    with pytest.raises(NotFound):
        await store.complete_multipart(key, upload_id, [(1, part)])


CASES: tuple[Case, ...] = (
    a_put_is_read_back_whole,
    any_buffer_may_be_put,
    a_second_put_is_refused_unless_wanted,
    what_is_missing_is_told_apart,
    ranges_are_half_open,
    a_stream_may_be_left_early,
    a_stream_is_held_to_its_etag,
    a_delete_is_a_success_twice,
    a_listing_is_complete_and_ordered,
    files_go_in_and_out,
    a_multipart_is_made_of_its_parts,
    a_part_may_be_written_again,
    a_multipart_can_be_given_up,
)
