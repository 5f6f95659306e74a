"""Files to objects and back, holding one part of them in memory at a time."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from common.errors import RepriseError
from common.s3.model import MIB, Body, StoredPut

PART_SIZE = 8 * MIB
MULTIPART_FROM = 16 * MIB


class Objects(Protocol):
    """What copying needs of an object store; `ObjectStore` and its double have it."""

    async def put(
        self, key: str, body: Body, *, content_type: str, if_absent: bool = True
    ) -> StoredPut: ...

    def stream(self, key: str, *, chunk: int = ...) -> AsyncGenerator[bytes, None]: ...

    async def create_multipart(self, key: str, content_type: str) -> str: ...

    async def upload_part(self, key: str, upload_id: str, number: int, body: Body) -> str: ...

    async def complete_multipart(
        self, key: str, upload_id: str, parts: Sequence[tuple[int, str]]
    ) -> str: ...

    async def abort_multipart(self, key: str, upload_id: str) -> None: ...


async def download(store: Objects, key: str, path: Path) -> int:
    """Copy an object into a file; the number of bytes. A partial file is removed."""
    try:
        with await asyncio.to_thread(path.open, "wb") as file:
            async with aclosing(store.stream(key, chunk=MIB)) as chunks:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
            return file.tell()
    except BaseException:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        raise


async def upload(store: Objects, path: Path, key: str, content_type: str) -> StoredPut:
    """Copy a file into an object: one put up to 16 MiB, else a multipart of 8 MiB parts.

    Whatever ends it early aborts the multipart.
    """
    size = (await asyncio.to_thread(path.stat)).st_size
    if size <= MULTIPART_FROM:
        body = await asyncio.to_thread(path.read_bytes)
        return await store.put(key, body, content_type=content_type)
    digest = hashlib.sha256()
    async with _multipart(store, key, content_type) as upload_id:
        with await asyncio.to_thread(path.open, "rb") as file:
            parts = [part async for part in _parts(store, file, key, upload_id, digest)]
        etag = await store.complete_multipart(key, upload_id, parts)
    return StoredPut(etag, size, digest.hexdigest())


async def _parts(
    store: Objects, file: BinaryIO, key: str, upload_id: str, digest: Any
) -> AsyncIterator[tuple[int, str]]:
    number = 0
    while body := await asyncio.to_thread(file.read, PART_SIZE):
        number += 1
        await asyncio.to_thread(digest.update, body)
        yield number, await store.upload_part(key, upload_id, number, body)


@asynccontextmanager
async def _multipart(store: Objects, key: str, content_type: str) -> AsyncIterator[str]:
    upload_id = await store.create_multipart(key, content_type)
    try:
        yield upload_id
    except BaseException:
        # shielded: the cancellation that brought us here must not leave parts behind
        await asyncio.shield(_abort_quietly(store, key, upload_id))
        raise


async def _abort_quietly(store: Objects, key: str, upload_id: str) -> None:
    try:
        await store.abort_multipart(key, upload_id)
    except RepriseError:
        return  # the sweep of open multiparts finds it; the first error is the one to tell
