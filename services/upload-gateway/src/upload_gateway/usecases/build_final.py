"""Write the object of a final upload: its partials are read, hashed and stored as new parts."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from upload_gateway.domain.errors import PartsLost
from upload_gateway.domain.upload import Part, Stored, Upload
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.store import PartStore
from upload_gateway.usecases.complete_object import CompleteObject
from upload_gateway.usecases.read_back import ReadBack


@dataclass(frozen=True, slots=True)
class BuildFinal:
    """Holds one part in memory; begun anew when it is run again.

    Copying inside the store would not give equal parts, and the bytes must be read for their hash
    anyway.
    """

    ledger: Ledger
    store: PartStore
    complete: CompleteObject
    read_back: ReadBack

    async def __call__(self, upload: Upload) -> tuple[Stored, str]:
        """The object and its sha256; raises Unavailable or PartsLost, to be tried again."""
        found = await self.store.stat(upload.key)
        if found is not None and found.size == upload.length:
            return found, await self.read_back(upload, [])
        await self.store.discard(upload.key, upload.multipart_id)
        multipart_id = await self.store.open(upload.key, upload.likely_type)
        parts, sha256 = await self._parts(upload, multipart_id)
        await self.store.complete(upload.key, multipart_id, parts)
        found = await self.store.stat(upload.key)
        if found is None or found.size != upload.length:
            raise PartsLost("the store confirmed an object that it does not have")
        return found, sha256

    async def _parts(self, upload: Upload, multipart_id: str) -> tuple[list[Part], str]:
        buffer = memoryview(bytearray(upload.part_size))
        digest, parts = hashlib.sha256(), list[Part]()
        fill = total = 0

        async def store() -> None:
            part, number = buffer[:fill], len(parts) + 1
            etag, _ = await asyncio.gather(
                self.store.put_part(upload.key, multipart_id, number, part),
                asyncio.to_thread(digest.update, part),
            )
            parts.append(Part(number, etag, len(part)))

        async for chunk in self._bytes(upload):
            view = memoryview(chunk)
            total += len(view)
            while view:
                taken = min(len(view), len(buffer) - fill)
                buffer[fill : fill + taken] = view[:taken]
                fill, view = fill + taken, view[taken:]
                if fill == len(buffer):
                    await store()
                    fill = 0
        if fill:
            await store()
        if total != upload.length:
            raise PartsLost("the partial uploads have other sizes than they had")
        return parts, digest.hexdigest()

    async def _bytes(self, upload: Upload) -> AsyncIterator[bytes]:
        for upload_id in upload.partials:
            partial = await self.ledger.find(upload_id)
            if not partial.length:
                continue
            parts = await self.ledger.parts(upload_id)
            await self.complete(partial, parts)
            async for chunk in self.read_back.bytes_of(partial, parts):
                yield chunk
