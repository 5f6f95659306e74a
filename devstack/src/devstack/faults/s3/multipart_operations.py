"""Uploads in parts: begin, parts, complete, abort, and what is open."""

import hashlib
from dataclasses import replace

from aiohttp import web

from devstack.faults.s3 import documents
from devstack.faults.s3.asking import Asking
from devstack.faults.s3.errors import Refused
from devstack.faults.s3.intake import kept_headers, taken
from devstack.faults.s3.shelf import Held


async def create(asking: Asking) -> web.StreamResponse:
    multipart = asking.shelf.begin(asking.key, kept_headers(asking.request))
    return documents.answer(
        "InitiateMultipartUploadResult", [("Key", asking.key), ("UploadId", multipart.id)]
    )


async def upload_part(asking: Asking) -> web.StreamResponse:
    offers, fault, number = asking.behaviour.offers, asking.fault, asking.part
    asking.require(offered=offers.presigned_parts or not asking.presigned)
    asking.shelf.multipart(asking.upload_id, asking.key)
    held = await taken(
        asking.request,
        asking.shelf.new_file(),
        cut_at=fault.cut_request if fault else None,
        keep_short=not offers.refuses_short_bodies,
        pad=True,
        digests=offers.compares_digests,
    )
    asking.shelf.multipart(asking.upload_id, asking.key).parts[number] = held
    return web.Response(headers={"ETag": f'"{held.etag}"'})


async def copy_part(asking: Asking) -> web.StreamResponse:
    asking.require(offered=asking.behaviour.offers.copies_parts)
    source, number = asking.shelf.find(asking.source), asking.part
    multipart = asking.shelf.multipart(asking.upload_id, asking.key)
    start, _, end = (
        asking.request.headers.get("x-amz-copy-source-range", "")
        .removeprefix("bytes=")
        .partition("-")
    )
    data = b"".join(source.read(int(start or 0), int(end) + 1 if end else source.size))
    multipart.parts[number] = held = _held(asking, data)
    return documents.answer("CopyPartResult", [("ETag", f'"{held.etag}"')])


async def complete(asking: Asking) -> web.StreamResponse:
    asking.require_condition(offered=asking.behaviour.offers.conditional_complete)
    body = documents.read(await asking.request.read())
    named = [
        (int(part.findtext("PartNumber") or 0), (part.findtext("ETag") or "").strip('"'))
        for part in body.iter("Part")
    ]
    if not asking.behaviour.offers.unequal_parts:
        _demand_equal(asking, named)
    held = asking.shelf.complete(asking.upload_id, asking.key, named)
    if not asking.behaviour.offers.keeps_order:
        asking.shelf.put(asking.key, replace(held, files=held.files[::-1]))
    return documents.answer(
        "CompleteMultipartUploadResult", [("Key", asking.key), ("ETag", f'"{held.etag}"')]
    )


async def abort(asking: Asking) -> web.StreamResponse:
    if asking.behaviour.offers.aborts:
        asking.shelf.abort(asking.upload_id, asking.key)
    return web.Response(status=204)


async def list_parts(asking: Asking) -> web.StreamResponse:
    parts = sorted(asking.shelf.multipart(asking.upload_id, asking.key).parts.items())
    after = int(asking.query.get("part-number-marker", 0) or 0)
    limit = int(asking.query.get("max-parts", 1000))
    left = [item for item in parts if item[0] > after]
    shown, more = left[:limit], len(left) > limit
    if asking.fault and asking.fault.short is not None:
        shown, more = shown[: asking.fault.short], False
    return documents.answer(
        "ListPartsResult",
        [
            ("Key", asking.key),
            ("UploadId", asking.upload_id),
            ("IsTruncated", more),
            ("NextPartNumberMarker", shown[-1][0] if shown else after),
            *(("Part", _part(number, held)) for number, held in shown),
        ],
    )


async def list_uploads(asking: Asking) -> web.StreamResponse:
    asking.require(offered=asking.behaviour.offers.lists_multiparts)
    prefix = asking.query.get("prefix", "")
    found = sorted(asking.shelf.multiparts.values(), key=lambda item: (item.key, item.id))
    after = (asking.query.get("key-marker", ""), asking.query.get("upload-id-marker", ""))
    left = [u for u in found if u.key.startswith(prefix) and (u.key, u.id) > after]
    limit = int(asking.query.get("max-uploads", 1000))
    shown, more = left[:limit], len(left) > limit
    if asking.fault and asking.fault.short is not None:
        shown, more = shown[: asking.fault.short], False
    last = [("NextKeyMarker", shown[-1].key), ("NextUploadIdMarker", shown[-1].id)] if shown else []
    return documents.answer(
        "ListMultipartUploadsResult",
        [
            ("IsTruncated", more),
            *last,
            *(
                (
                    "Upload",
                    [("Key", u.key), ("UploadId", u.id), ("Initiated", u.begun_at.isoformat())],
                )
                for u in shown
            ),
        ],
    )


def _part(number: int, held: Held) -> list[documents.Tree]:
    return [
        ("PartNumber", number),
        ("ETag", f'"{held.etag}"'),
        ("Size", held.size),
        ("LastModified", held.made_at.isoformat()),
    ]


def _held(asking: Asking, data: bytes) -> Held:
    path = asking.shelf.new_file()
    path.write_bytes(data)
    return Held((path,), len(data), hashlib.md5(data, usedforsecurity=False).hexdigest())


def _demand_equal(asking: Asking, named: list[tuple[int, str]]) -> None:
    parts = asking.shelf.multipart(asking.upload_id, asking.key).parts
    sizes = {parts[number].size for number, _ in named[:-1] if number in parts}
    if len(sizes) > 1:
        raise Refused(400, "InvalidPart", "All parts but the last must have the same size.")
