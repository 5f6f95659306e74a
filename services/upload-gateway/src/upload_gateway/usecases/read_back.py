"""Read an object once: its sha256, and whether each part holds the bytes that were acknowledged."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from upload_gateway.domain.checksum import Crc32c
from upload_gateway.domain.errors import BytesReplaced
from upload_gateway.domain.upload import Part, Upload
from upload_gateway.ports.store import PartStore


class _PartsRead:
    """Compares part after part as the bytes pass; a part without a checksum is taken as it is."""

    def __init__(self, parts: list[Part]) -> None:
        self._ahead = list(reversed(parts))
        self._crc, self._left = Crc32c(), parts[0].size if parts else 0
        self.replaced: list[int] = []

    def take(self, view: memoryview) -> None:
        while view and self._ahead:
            piece, view = view[: self._left], view[self._left :]
            self._crc.update(piece)
            self._left -= len(piece)
            if not self._left:
                self._ended(self._ahead.pop())

    def refuse_replaced(self) -> None:
        """Raises BytesReplaced when a part held others."""
        if self.replaced:
            raise BytesReplaced(f"parts {self.replaced[:10]} hold other bytes than acknowledged")

    def _ended(self, part: Part) -> None:
        if part.crc32c not in {None, self._crc.value}:
            self.replaced.append(part.number)
        self._crc, self._left = Crc32c(), self._ahead[-1].size if self._ahead else 0


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Needed where no running digest speaks of this object for sure."""

    store: PartStore

    async def __call__(self, upload: Upload, parts: list[Part]) -> str:
        """The object's sha256; raises BytesReplaced when it is not what was acknowledged."""
        digest, read = hashlib.sha256(), _PartsRead(parts)

        def take(chunk: bytes) -> None:
            digest.update(chunk)
            read.take(memoryview(chunk))

        async for chunk in self.store.stream(upload.key):
            await asyncio.to_thread(take, chunk)
        read.refuse_replaced()
        sha256 = digest.hexdigest()
        if upload.sha256 and sha256 != upload.sha256:
            raise BytesReplaced("the object has other bytes than were acknowledged")
        return sha256

    async def bytes_of(self, upload: Upload, parts: list[Part]) -> AsyncIterator[bytes]:
        """The object's bytes; raises BytesReplaced behind them when a part holds others."""
        read = _PartsRead(parts)
        async for chunk in self.store.stream(upload.key):
            await asyncio.to_thread(read.take, memoryview(chunk))
            yield chunk
        read.refuse_replaced()
