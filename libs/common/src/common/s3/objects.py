"""The production adapter for objects: reads, writes, streams, multiparts, listings.

Every write signs its payload, so a cut body is refused by the store (design rule 7). Bodies are
read in chunks of 64 KiB or more and always closed. All errors are kinds of common.errors, see
`common.s3.failures`; no call waits longer than `common.s3.calls` says.
"""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from common.errors import Invalid, NotFound, Unavailable
from common.s3.bodies import body_of
from common.s3.calls import COMPLETION, StoreCalls
from common.s3.model import (
    CHUNK,
    MIB,
    Body,
    HeldPart,
    ObjectHead,
    ObjectInfo,
    OpenMultipart,
    StoredPut,
    range_header,
    unquoted,
)
from common.s3.signing import digest_of

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

Page = TypeVar("Page")

MAX_GET = 64 * MIB  # what `get` may hold in memory


class ObjectStore:
    """Objects of one bucket."""

    def __init__(self, client: "S3Client", bucket: str, *, calls: StoreCalls | None = None) -> None:
        self._client = client
        self._calls = calls or StoreCalls()
        self.bucket = bucket
        self._conditional = True

    async def check(self) -> None:
        """Raise unless the bucket answers; for readiness."""
        async with self._calls.asking():
            await self._client.head_bucket(Bucket=self.bucket)

    async def put(
        self, key: str, body: Body, *, content_type: str, if_absent: bool = True
    ) -> StoredPut:
        """Write a small object whole; Conflict (`object_exists`) when `if_absent` and it is there.

        A store without conditional writes writes anyway: keys are never reused (design rule 8), the
        condition is a second lock.
        """
        condition = {"IfNoneMatch": "*"} if if_absent and self._conditional else {}
        sha256 = await digest_of(body)
        try:
            etag = await self._put(key, body, sha256, content_type, condition)
        except Unavailable as error:
            if error.code != "storage_unsupported" or not condition:
                raise
            self._conditional = False
            etag = await self._put(key, body, sha256, content_type, {})
        return StoredPut(etag, len(body), sha256)

    async def _put(
        self, key: str, body: Body, sha256: str, content_type: str, condition: dict[str, Any]
    ) -> str:
        async with self._calls.asking() as heard:
            answer = await self._client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body_of(body, heard, sha256),
                ContentType=content_type,
                **condition,
            )
        return _said(answer, "ETag")

    async def head(self, key: str) -> ObjectHead | None:
        """Size, ETag and type of an object, None when there is none."""
        try:
            async with self._calls.asking():
                answer = await self._client.head_object(Bucket=self.bucket, Key=key)
        except NotFound:
            return None
        etag = _said(answer, "ETag")
        return ObjectHead(answer["ContentLength"], etag, answer.get("ContentType", ""))

    async def get(self, key: str, *, start: int | None = None, end: int | None = None) -> bytes:
        """A small object, or bytes `start` to `end` (exclusive), in memory; ≤ 64 MiB."""
        body = bytearray()
        async with aclosing(self.stream(key, start=start, end=end)) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > MAX_GET:
                    raise Invalid("too much to hold in memory; stream it", code="object_too_large")
        return bytes(body)

    async def stream(
        self,
        key: str,
        *,
        start: int | None = None,
        end: int | None = None,
        chunk: int = CHUNK,
        if_match: str | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Bytes `start` to `end` (exclusive), as they come, at most `chunk` at a time.

        Use it inside `contextlib.aclosing` when you may leave early. Ends with Unavailable when the
        store stops short of what it promised. `if_match` is an ETag without quotes; another object
        raises Conflict.
        """
        conditions = (
            {"Range": range_header(start, end)} if start is not None or end is not None else {}
        )
        conditions |= {"IfMatch": f'"{if_match}"'} if if_match else {}
        changed = "object_changed"
        async with self._calls.asking(on_precondition=changed):
            answer = await self._client.get_object(
                Bucket=self.bucket,
                Key=key,
                **conditions,  # type: ignore[arg-type]
            )
        body = answer["Body"]
        try:
            while True:
                async with self._calls.hearing(on_precondition=changed):
                    piece = await body.read(max(chunk, CHUNK))
                if not piece:
                    break
                yield piece
        finally:
            body.close()

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is a success."""
        try:
            async with self._calls.asking():
                await self._client.delete_object(Bucket=self.bucket, Key=key)
        except NotFound:
            return

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Every object under a prefix, in key order; complete, or it raises."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        async for page in self._pages(pages):
            for item in page.get("Contents", []):
                yield ObjectInfo(
                    item["Key"], item["Size"], unquoted(item["ETag"]), item["LastModified"]
                )

    async def create_multipart(self, key: str, content_type: str) -> str:
        """Begin a multipart; its upload id."""
        async with self._calls.asking():
            answer = await self._client.create_multipart_upload(
                Bucket=self.bucket, Key=key, ContentType=content_type
            )
        return _said(answer, "UploadId")

    async def upload_part(self, key: str, upload_id: str, number: int, body: Body) -> str:
        """Write part `number` (from 1); its ETag. Writing the same number again replaces it.

        Raises NotFound (`multipart_not_found`) when the multipart has ended.
        """
        sha256 = await digest_of(body)
        async with self._calls.asking() as heard:
            answer = await self._client.upload_part(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                Body=body_of(body, heard, sha256),
                ContentLength=len(body),
            )
        return _said(answer, "ETag")

    async def complete_multipart(
        self, key: str, upload_id: str, parts: Sequence[tuple[int, str]]
    ) -> str:
        """Make the object from these parts (number, ETag), in order; its ETag.

        After any error the object may exist all the same: `head` and compare before deciding
        (storage.md 2). Raises NotFound (`multipart_not_found`) when the multipart has ended.
        """
        try:
            return await self._complete(key, upload_id, parts)
        except Unavailable:
            # Ceph answers 500 for one that has ended; waiting for that to pass would be in vain
            if await self._ended(key, upload_id) and await self.head(key) is None:
                raise NotFound("the multipart has ended", code="multipart_not_found") from None
            raise

    async def _ended(self, key: str, upload_id: str) -> bool:
        try:
            async for _ in self.list_parts(key, upload_id):
                return False
        except NotFound:
            return True
        return False

    async def _complete(self, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> str:
        async with self._calls.asking(silence=COMPLETION):
            answer = await self._client.complete_multipart_upload(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={
                    "Parts": [{"PartNumber": number, "ETag": f'"{etag}"'} for number, etag in parts]
                },
            )
        if etag := unquoted(answer.get("ETag", "")):
            return etag
        found = await self.head(key)  # Ceph does not say it when it is asked a second time
        if found is None:
            raise Unavailable("The store lost what it completed.", code="storage_unavailable")
        return found.etag

    async def abort_multipart(self, key: str, upload_id: str) -> None:
        """Give a multipart up and free its parts; one that is not there is a success."""
        try:
            async with self._calls.asking():
                await self._client.abort_multipart_upload(
                    Bucket=self.bucket, Key=key, UploadId=upload_id
                )
        except NotFound:
            return

    async def list_parts(self, key: str, upload_id: str) -> AsyncIterator[HeldPart]:
        """The parts of an open multipart by number; complete, or it raises.

        Raises NotFound (`multipart_not_found`) when the multipart has ended.
        """
        pages = self._client.get_paginator("list_parts").paginate(
            Bucket=self.bucket, Key=key, UploadId=upload_id
        )
        async for page in self._pages(pages):
            for item in page.get("Parts", []):
                yield HeldPart(item["PartNumber"], unquoted(item["ETag"]), item["Size"])

    async def list_multiparts(self, prefix: str) -> AsyncIterator[OpenMultipart]:
        """Every open multipart under a prefix; complete, or it raises."""
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        async for page in self._pages(pages):
            for item in page.get("Uploads", []):
                yield OpenMultipart(item["Key"], item["UploadId"], item["Initiated"])

    async def _pages(self, pages: AsyncIterable[Page]) -> AsyncIterator[Page]:
        """One call for each page; the time its reader takes is not the store's."""
        following = aiter(pages)
        while True:
            async with self._calls.asking():
                page = await anext(following, None)
            if page is None:
                return
            yield page


def _said(answer: Mapping[str, object], name: str) -> str:
    """A field of an answer, unquoted; Unavailable without it: what answers then is no store."""
    if not (said := answer.get(name)):
        raise Unavailable(f"What answers is no store: no {name}.", code="storage_unexpected")
    return unquoted(str(said))
