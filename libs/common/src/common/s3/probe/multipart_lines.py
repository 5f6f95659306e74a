"""Uploads in parts, around their boundaries; conditional writes; one large object."""

import asyncio
import hashlib
from collections.abc import Sequence

from botocore.exceptions import ClientError
from yarl import URL

from common.errors import Conflict, Invalid, NotFound, RepriseError
from common.s3.model import MIB
from common.s3.probe.line import Fails, Line, demand, refusal
from common.s3.probe.object_lines import TYPE
from common.s3.probe.probing import Probing
from common.s3.probe.settling import BODY

PART = 5 * MIB
LARGE = 256 * MIB
LARGE_PART = 16 * MIB


def _bytes(size: int, number: int) -> bytes:
    """Of part `number`; no two parts begin or end alike, so that their order shows."""
    pattern = hashlib.sha256(str(number).encode()).digest()
    return (pattern * (size // len(pattern) + 1))[:size]


async def _uploaded(probing: Probing, key: str, sizes: Sequence[int]) -> None:
    upload_id = await probing.begin(key, TYPE)
    parts = []
    for number, size in enumerate(sizes, start=1):
        etag = await probing.store.upload_part(key, upload_id, number, _bytes(size, number))
        parts.append((number, etag))
    await probing.store.complete_multipart(key, upload_id, parts)


async def sizes(probing: Probing) -> str:
    for total in (PART - 1, PART, PART + 1, 3 * PART):
        key = probing.key(f"size-{total}")
        left = [min(PART, total - start) for start in range(0, total, PART)]
        await _uploaded(probing, key, left)
        head = await probing.store.head(key)
        demand(head is not None and head.size == total, f"{total} bytes became {head}")
        sent = b"".join(_bytes(size, number) for number, size in enumerate(left, start=1))
        demand(await probing.store.get(key) == sent, f"of {total} bytes others came back")
    return ""


async def lists_parts(probing: Probing) -> str:
    key = probing.key("listed-parts")
    upload_id = await probing.begin(key, TYPE)
    for number in (1, 2, 3):
        await probing.store.upload_part(key, upload_id, number, BODY)
    found = [part.number async for part in probing.store.list_parts(key, upload_id)]
    await probing.store.abort_multipart(key, upload_id)
    demand(found == [1, 2, 3], f"shows {found}")
    return ""


async def aborts(probing: Probing) -> str:
    key = probing.key("aborted")
    upload_id = await probing.begin(key, TYPE)
    await probing.store.upload_part(key, upload_id, 1, BODY)
    await probing.store.abort_multipart(key, upload_id)
    try:
        await probing.store.upload_part(key, upload_id, 2, BODY)
    except NotFound as error:
        return error.code
    raise Fails("an aborted upload takes parts")


async def lists_uploads(probing: Probing) -> str:
    key = probing.key("open")
    upload_id = await probing.begin(key, TYPE)
    found = [item.upload_id async for item in probing.store.list_multiparts(key)]
    await probing.store.abort_multipart(key, upload_id)
    left = [item.upload_id async for item in probing.store.list_multiparts(key)]
    demand(found == [upload_id] and not left, f"showed {len(found)}, then {len(left)}")
    return ""


async def unequal_parts(probing: Probing) -> str:
    await _uploaded(probing, probing.key("unequal"), [PART + 10, PART, 100])
    return ""


async def small_parts_refused(probing: Probing) -> str:
    try:
        await _uploaded(probing, probing.key("small"), [100, 100])
    except Invalid as error:
        return error.code
    raise Fails("parts of 100 bytes were joined")


async def completes_twice(probing: Probing) -> str:
    key = probing.key("twice")
    upload_id = await probing.begin(key, TYPE)
    parts = [(1, await probing.store.upload_part(key, upload_id, 1, BODY))]
    await probing.store.complete_multipart(key, upload_id, parts)
    try:
        await probing.store.complete_multipart(key, upload_id, parts)
    except RepriseError as error:
        return error.code
    return "success again"


async def copies_parts(probing: Probing) -> str:
    await probing.store.put(probing.key("part-source"), BODY, content_type=TYPE)
    key = probing.key("part-copy")
    upload_id = await probing.begin(key, TYPE)
    await probing.client.upload_part_copy(
        Bucket=probing.bucket,
        Key=key,
        UploadId=upload_id,
        PartNumber=1,
        CopySource={"Bucket": probing.bucket, "Key": probing.key("part-source")},
    )
    await probing.store.abort_multipart(key, upload_id)
    return ""


async def conditional_put(probing: Probing) -> str:
    """Of four racing writers exactly one wins, and nobody overwrites it later."""
    key = probing.key("race")

    async def write(number: int) -> bool:
        try:
            await probing.store.put(key, bytes([number]), content_type=TYPE, if_absent=True)
        except Conflict:
            return False
        return True

    wins = await asyncio.gather(*(write(number) for number in range(4)))
    demand(sum(wins) == 1, f"{sum(wins)} of 4 racing writers were told that they won")
    winner = bytes([wins.index(True)])
    demand(await probing.store.get(key) == winner, "another writer's bytes are there")
    demand(not await write(9), "it was overwritten later")
    return ""


async def conditional_complete(probing: Probing) -> str:
    key = probing.key("complete-once")
    await probing.store.put(key, b"first", content_type=TYPE)
    upload_id = await probing.begin(key, TYPE)
    etag = await probing.store.upload_part(key, upload_id, 1, BODY)
    try:
        await probing.client.complete_multipart_upload(
            Bucket=probing.bucket,
            Key=key,
            UploadId=upload_id,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": f'"{etag}"'}]},
            IfNoneMatch="*",
        )
    except ClientError as error:
        return refusal(error, 409, 412)
    raise Fails("If-None-Match was ignored")


async def large_object(probing: Probing) -> str:
    """256 MiB in parts, then read whole and by a far range through presigned URLs."""
    demand(probing.wishes.large, "left out")
    key = probing.key("large")
    await _uploaded(probing, key, [LARGE_PART] * (LARGE // LARGE_PART))
    expected, found, size = hashlib.sha256(), hashlib.sha256(), 0
    for number in range(1, LARGE // LARGE_PART + 1):
        expected.update(_bytes(LARGE_PART, number))
    async with probing.http.get(URL(probing.url("GET", key), encoded=True)) as answer:
        demand(answer.status == 200, f"gave {answer.status}")
        async for chunk in answer.content.iter_chunked(MIB):
            found.update(chunk)
            size += len(chunk)
    demand(found.digest() == expected.digest(), f"{size} other bytes came back")
    far = {"range": f"bytes={LARGE - 100}-"}
    tail = await probing.send("GET", probing.url("GET", key), headers=far)
    last = _bytes(LARGE_PART, LARGE // LARGE_PART)[-100:]
    demand(tail.status == 206 and tail.body == last, f"a far range gave {tail.status}")
    return ""


MULTIPART_LINES = (
    Line("multipart", "required", "one part less a byte, one, one more, three", sizes),
    Line("list_parts", "required", "ListParts shows what is there", lists_parts),
    Line("abort", "required", "an aborted upload takes no more parts", aborts),
    Line("list_multiparts", "optional", "ListMultipartUploads", lists_uploads),
    Line("unequal_parts", "reported", "parts of different sizes", unequal_parts),
    Line("small_parts", "reported", "parts below 5 MiB are refused", small_parts_refused),
    Line("repeated_complete", "reported", "Complete a second time", completes_twice),
    Line("copy_parts", "reported", "UploadPartCopy", copies_parts),
    Line("conditional_put", "optional", "If-None-Match: one winner of a race", conditional_put),
    Line("conditional_complete", "reported", "If-None-Match on Complete", conditional_complete),
    Line("large_object", "optional", "256 MiB through presigned URLs", large_object),
)
