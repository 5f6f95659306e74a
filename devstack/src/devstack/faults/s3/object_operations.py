"""Put, get, head, delete and copy of one object."""

import re
from email.utils import format_datetime

from aiohttp import web

from devstack.faults.s3 import documents
from devstack.faults.s3.asking import Asking
from devstack.faults.s3.errors import Refused, no_such_key
from devstack.faults.s3.intake import Cut, taken
from devstack.faults.s3.shelf import Held

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_OVERRIDES = ("content-type", "content-disposition", "cache-control", "content-encoding")


async def put_object(asking: Asking) -> web.StreamResponse:
    offers, fault = asking.behaviour.offers, asking.fault
    asking.require(offered=offers.presigned_put or not asking.presigned)
    asking.require_condition(offered=offers.conditional_put)
    held = await taken(
        asking.request,
        asking.shelf.new_file(),
        cut_at=fault.cut_request if fault else None,
        keep_short=not offers.refuses_short_bodies,
        pad=False,
        digests=offers.compares_digests,
    )
    asking.require_condition(offered=offers.conditional_put)  # of racing writers one wins
    asking.shelf.put(asking.key, held)
    return web.Response(headers={"ETag": f'"{held.etag}"'})


async def copy_object(asking: Asking) -> web.StreamResponse:
    held = asking.shelf.put(asking.key, asking.shelf.find(asking.source))
    return documents.answer("CopyObjectResult", [("ETag", f'"{held.etag}"')])


async def delete_object(asking: Asking) -> web.StreamResponse:
    if asking.behaviour.offers.deletes:
        asking.shelf.delete(asking.key)
    return web.Response(status=204)


async def head_object(asking: Asking) -> web.StreamResponse:
    asking.require(offered=asking.behaviour.offers.presigned_get or not asking.presigned)
    held = _visible(asking)
    return web.Response(headers=_headers(asking, held) | {"Content-Length": str(held.size)})


async def get_object(asking: Asking) -> web.StreamResponse:
    asking.require(offered=asking.behaviour.offers.presigned_get or not asking.presigned)
    held = _visible(asking)
    _check_conditions(asking, held)
    start, end, partial = _span(asking, held)
    headers = _headers(asking, held)
    if partial:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{held.size}"
    answer = web.StreamResponse(status=206 if partial else 200, headers=headers)
    answer.content_length = end - start
    await answer.prepare(asking.request)
    await _send(asking, answer, held, start, end)
    return answer


async def _send(
    asking: Asking, answer: web.StreamResponse, held: Held, start: int, end: int
) -> None:
    limit = asking.fault.cut_answer if asking.fault else None
    stop = end if limit is None else min(end, start + limit)
    for chunk in held.read(start, stop):
        await answer.write(chunk)
    if stop < end:
        raise Cut
    await answer.write_eof()


def _visible(asking: Asking) -> Held:
    if asking.key in asking.behaviour.lost:
        raise no_such_key()
    return asking.shelf.find(asking.key)


def _headers(asking: Asking, held: Held) -> dict[str, str]:
    overrides = {
        name: asking.query[f"response-{name}"]
        for name in _OVERRIDES
        if f"response-{name}" in asking.query
    }
    return {
        **held.headers,
        **overrides,
        "ETag": f'"{held.etag}"',
        "Last-Modified": format_datetime(held.made_at, usegmt=True),
        "Accept-Ranges": "bytes",
    }


def _check_conditions(asking: Asking, held: Held) -> None:
    if not asking.behaviour.offers.conditional_get:
        return
    headers = asking.request.headers
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if match is not None and match.strip('"') not in {held.etag, "*"}:
        raise Refused(412, "PreconditionFailed")
    if none_match is not None and none_match.strip('"') in {held.etag, "*"}:
        raise Refused(304, "NotModified")


def _span(asking: Asking, held: Held) -> tuple[int, int, bool]:
    """Start, end (exclusive) and whether it is a part; a malformed or multiple range is ignored."""
    found = _RANGE.fullmatch(asking.request.headers.get("range", ""))
    if found is None or not (found[1] or found[2]):
        return 0, held.size, False
    if not found[1]:
        asking.require(offered=asking.behaviour.offers.suffix_ranges)
        length = min(int(found[2]), held.size)
        start, end = held.size - length, held.size
    else:
        start = int(found[1])
        end = min(int(found[2]) + 1, held.size) if found[2] else held.size
    if start >= held.size or start >= end:
        raise Refused(416, "InvalidRange")
    return start, end, True
