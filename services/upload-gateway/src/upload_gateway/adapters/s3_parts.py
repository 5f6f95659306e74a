"""Multipart uploads and finished objects on S3, by explicit calls only."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from common.errors import Conflict, Invalid, NotFound, Unavailable
from common.ids import ObjectKey
from common.s3.model import MIB
from common.s3.objects import ObjectStore
from upload_gateway.domain.errors import MultipartForgotten, PartsLost
from upload_gateway.domain.upload import Part, Stored


def configured(objects: ObjectStore | None) -> ObjectStore:
    """The store, or Unavailable with the code that operators look for."""
    if objects is None:
        raise Unavailable(
            "no object store is configured", code="storage_not_configured", retry_after=60
        )
    return objects


@dataclass(frozen=True, slots=True)
class S3Parts:
    """`objects` is None where no store is configured: the service runs and says so."""

    objects: ObjectStore | None

    def require(self) -> None:
        configured(self.objects)

    async def open(self, key: ObjectKey, content_type: str) -> str:
        return await configured(self.objects).create_multipart(key, content_type)

    async def put_part(
        self, key: ObjectKey, multipart_id: str, number: int, body: memoryview
    ) -> str:
        try:
            return await configured(self.objects).upload_part(key, multipart_id, number, body)
        except NotFound as error:
            raise MultipartForgotten("the store has forgotten this multipart") from error

    async def complete(self, key: ObjectKey, multipart_id: str, parts: Sequence[Part]) -> None:
        etags = [(part.number, part.etag) for part in parts]
        try:
            await configured(self.objects).complete_multipart(key, multipart_id, etags)
        except NotFound as error:
            raise MultipartForgotten("the store has forgotten this multipart") from error
        except (Conflict, Invalid) as error:
            raise PartsLost("the store has not the parts it acknowledged") from error

    async def held(self, key: ObjectKey, multipart_id: str) -> list[Part]:
        listed = configured(self.objects).list_parts(key, multipart_id)
        try:
            return [Part(part.number, part.etag, part.size) async for part in listed]
        except NotFound as error:
            raise MultipartForgotten("the store has forgotten this multipart") from error

    async def discard(self, key: ObjectKey, known: str | None) -> None:
        objects = configured(self.objects)
        if known is not None:
            await objects.abort_multipart(key, known)
        try:
            # the listing is read to its end first: aborting while it is paged would skip some
            found = [item async for item in objects.list_multiparts(key)]
        except Unavailable as error:
            if error.code != "storage_unsupported":
                raise
            return
        for multipart in found:
            if multipart.key == key:
                await objects.abort_multipart(key, multipart.upload_id)

    async def remove(self, key: ObjectKey) -> None:
        await configured(self.objects).delete(key)

    async def stat(self, key: ObjectKey) -> Stored | None:
        head = await configured(self.objects).head(key)
        return Stored(head.size, head.etag, head.content_type) if head else None

    async def opening(self, key: ObjectKey, size: int) -> bytes:
        return await configured(self.objects).get(key, start=0, end=size)

    async def stream(self, key: ObjectKey) -> AsyncIterator[bytes]:
        async with aclosing(configured(self.objects).stream(key, chunk=MIB)) as chunks:
            async for chunk in chunks:
                yield chunk
