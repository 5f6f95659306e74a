"""An object store in memory that passes the suite of the real one."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field

from common.clock import Clock, SystemClock
from common.errors import Conflict, Invalid, NotFound, Unavailable
from common.ids import new_object_id
from common.s3.model import CHUNK, Body, ObjectHead, ObjectInfo, OpenMultipart, StoredPut

MIN_PART = 5 * 1024 * 1024  # bytes, of every part but the last, as S3 has it


@dataclass(slots=True)
class _Stored:
    body: bytes
    etag: str
    content_type: str
    info: ObjectInfo


@dataclass(slots=True)
class _Open:
    key: str
    content_type: str
    listed: OpenMultipart
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)


class MemoryObjectStore:
    """Objects of one bucket, in a dictionary.

    `down` makes every call raise Unavailable, as a store that does not answer.
    """

    def __init__(self, bucket: str = "memory", *, clock: Clock | None = None) -> None:
        self.bucket = bucket
        self.down = False
        self._clock = clock or SystemClock()
        self._objects: dict[str, _Stored] = {}
        self._multiparts: dict[str, _Open] = {}

    @property
    def keys(self) -> set[str]:
        """The keys of all objects, for assertions."""
        return set(self._objects)

    async def check(self) -> None:
        self._answer()

    async def put(
        self, key: str, body: Body, *, content_type: str, if_absent: bool = True
    ) -> StoredPut:
        self._answer()
        if if_absent and key in self._objects:
            raise Conflict(code="object_exists")
        data = bytes(body)
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self._store(key, data, etag, content_type)
        return StoredPut(etag, len(data), hashlib.sha256(data).hexdigest())

    async def head(self, key: str) -> ObjectHead | None:
        self._answer()
        found = self._objects.get(key)
        return ObjectHead(len(found.body), found.etag, found.content_type) if found else None

    async def get(self, key: str, *, start: int | None = None, end: int | None = None) -> bytes:
        return b"".join([piece async for piece in self.stream(key, start=start, end=end)])

    async def stream(
        self,
        key: str,
        *,
        start: int | None = None,
        end: int | None = None,
        chunk: int = CHUNK,
        if_match: str | None = None,
    ) -> AsyncGenerator[bytes, None]:
        self._answer()
        found = self._objects.get(key)
        if found is None:
            raise NotFound(code="object_not_found")
        if if_match is not None and if_match != found.etag:
            raise Conflict(code="object_changed")
        if start is not None and start >= len(found.body):
            raise Invalid(code="range_not_satisfiable")
        body = memoryview(found.body)[start:end]
        for at in range(0, len(body), max(chunk, CHUNK)):
            yield bytes(body[at : at + max(chunk, CHUNK)])

    async def delete(self, key: str) -> None:
        self._answer()
        self._objects.pop(key, None)

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        self._answer()
        for key in sorted(self._objects):
            if key.startswith(prefix):
                yield self._objects[key].info

    async def create_multipart(self, key: str, content_type: str) -> str:
        self._answer()
        upload_id = new_object_id()
        listed = OpenMultipart(key, upload_id, self._clock.now())
        self._multiparts[upload_id] = _Open(key, content_type, listed)
        return upload_id

    async def upload_part(self, key: str, upload_id: str, number: int, body: Body) -> str:
        self._answer()
        data = bytes(body)
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self._opened(key, upload_id).parts[number] = (etag, data)
        return etag

    async def complete_multipart(
        self, key: str, upload_id: str, parts: Sequence[tuple[int, str]]
    ) -> str:
        self._answer()
        opened = self._opened(key, upload_id)
        if not parts or [number for number, _ in parts] != sorted({n for n, _ in parts}):
            raise Conflict(code="part_mismatch")
        if any(opened.parts.get(number, ("", b""))[0] != etag for number, etag in parts):
            raise Conflict(code="part_mismatch")
        bodies = [opened.parts[number][1] for number, _ in parts]
        if any(len(body) < MIN_PART for body in bodies[:-1]):
            raise Invalid(code="part_too_small")
        digests = b"".join(bytes.fromhex(etag) for _, etag in parts)
        etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
        self._store(key, b"".join(bodies), etag, opened.content_type)
        del self._multiparts[upload_id]
        return etag

    async def abort_multipart(self, key: str, upload_id: str) -> None:
        self._answer()
        self._multiparts.pop(upload_id, None)

    async def list_multiparts(self, prefix: str) -> AsyncIterator[OpenMultipart]:
        self._answer()
        for opened in sorted(self._multiparts.values(), key=lambda item: item.key):
            if opened.key.startswith(prefix):
                yield opened.listed

    def _answer(self) -> None:
        if self.down:
            raise Unavailable("The store does not answer.", code="storage_unavailable")

    def _opened(self, key: str, upload_id: str) -> _Open:
        opened = self._multiparts.get(upload_id)
        if opened is None or opened.key != key:
            raise NotFound(code="multipart_not_found")
        return opened

    def _store(self, key: str, body: bytes, etag: str, content_type: str) -> None:
        info = ObjectInfo(key, len(body), etag, self._clock.now())
        self._objects[key] = _Stored(body, etag, content_type, info)
