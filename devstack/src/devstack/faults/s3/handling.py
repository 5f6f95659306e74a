"""One request from the wire to its answer: whose it is, what it asks, what shall go wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from aiohttp import web

from common.clock import SystemClock
from devstack.faults.s3 import bucket_operations as bucket
from devstack.faults.s3 import multipart_operations as multipart
from devstack.faults.s3 import object_operations as objects
from devstack.faults.s3.asking import Asking
from devstack.faults.s3.behaviour import Behaviour, Call
from devstack.faults.s3.errors import Refused, not_implemented
from devstack.faults.s3.intake import Cut
from devstack.faults.s3.naming import operation_of
from devstack.faults.s3.shelf import Shelf
from devstack.faults.s3.signature import SignatureCheck, Signed

Operation = Callable[[Asking], Awaitable[web.StreamResponse]]

OPERATIONS: dict[str, Operation] = {
    "HeadBucket": bucket.nothing,
    "CreateBucket": bucket.nothing,
    "GetBucketLocation": bucket.location,
    "ListObjectsV2": bucket.list_objects,
    "DeleteObjects": bucket.delete_objects,
    "PutBucketCors": bucket.keep_setting,
    "GetBucketCors": bucket.show_setting,
    "DeleteBucketCors": bucket.drop_setting,
    "PutBucketLifecycle": bucket.keep_setting,
    "GetBucketLifecycle": bucket.show_setting,
    "DeleteBucketLifecycle": bucket.drop_setting,
    "Preflight": bucket.preflight,
    "PutObject": objects.put_object,
    "CopyObject": objects.copy_object,
    "GetObject": objects.get_object,
    "HeadObject": objects.head_object,
    "DeleteObject": objects.delete_object,
    "CreateMultipartUpload": multipart.create,
    "UploadPart": multipart.upload_part,
    "UploadPartCopy": multipart.copy_part,
    "CompleteMultipartUpload": multipart.complete,
    "AbortMultipartUpload": multipart.abort,
    "ListParts": multipart.list_parts,
    "ListMultipartUploads": multipart.list_uploads,
}


@dataclass(slots=True)
class Handling:
    """Answers all requests of one store."""

    shelf: Shelf
    check: SignatureCheck
    behaviour: Behaviour
    settings: dict[str, bytes] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        signed = Signed(request.method, path, query, headers)
        key = unquote(path).lstrip("/").partition("/")[2]
        pairs = dict(signed.pairs)
        asking = Asking(
            request,
            operation_of(request.method, key, pairs, headers),
            key,
            pairs,
            self.shelf,
            self.behaviour,
            self.settings,
        )
        status = 0
        try:
            answer = await self._done(asking, signed)
            status = answer.status
            return self._shared(asking, answer)
        except Refused as refused:
            status = refused.status
            bodiless = request.method == "HEAD" or status == 304
            return self._shared(asking, refused.answer(bodiless=bodiless))
        except Cut:
            _reset(request)
            return web.Response()
        finally:
            call = Call(asking.operation, key, headers, pairs, headers.get("host", ""))
            size = int(headers.get("content-length", 0) or 0)
            self.behaviour.saw(replace(call, size=size, status=status))

    async def _done(self, asking: Asking, signed: Signed) -> web.StreamResponse:
        operation = OPERATIONS.get(asking.operation)
        if asking.operation != "Preflight" and self.behaviour.offers.checks_signatures:
            asking.presigned = self.check.verify(signed, SystemClock().now())
        if operation is None:
            raise not_implemented()
        part = asking.query.get("partNumber", "")
        number = int(part) if part.isdecimal() else None
        asking.fault = fault = self.behaviour.take(asking.operation, asking.key, number)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.hang:
                await self.behaviour.hang()
            if fault.refused is not None:
                raise fault.refused
        answer = await operation(asking)
        if fault is not None and fault.reset_after:
            raise Cut
        if fault is not None and fault.cut_answer is not None and not answer.prepared:
            await _begun(asking.request, answer, fault.cut_answer)
            raise Cut
        return answer

    def _shared(self, asking: Asking, answer: web.StreamResponse) -> web.StreamResponse:
        """A browser's request gets the headers that its origin may see."""
        origin = asking.request.headers.get("origin", "")
        if origin and asking.operation != "Preflight" and not answer.prepared:
            rules = self.settings.get("cors")
            answer.headers.update(bucket.cors_headers(rules, origin, asking.request.method, []))
        return answer


async def _begun(request: web.Request, answer: web.StreamResponse, at: int) -> None:
    """The head, which promises all of the body, and `at` bytes of it."""
    body = answer.body if isinstance(answer, web.Response) else None
    whole = body if isinstance(body, bytes) else b""
    begun = web.StreamResponse(status=answer.status, headers=answer.headers)
    begun.content_length = len(whole)
    await begun.prepare(request)
    await begun.write(whole[:at])


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is not None:
        with suppress(RuntimeError):
            transport.abort()
