"""Put, get, delete and list: without these nothing works."""

import base64
import hashlib

import aiohttp
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from common.errors import RepriseError
from common.s3.client import open_s3
from common.s3.failures import code_of
from common.s3.probe.line import Fails, Line, demand, refusal
from common.s3.probe.probing import Probing
from common.s3.probe.settling import BODY, settled, taken_whole

TYPE = "application/octet-stream"


_KEYS = "see MEDIA_S3_ACCESS_KEY_ID and MEDIA_S3_SECRET_ACCESS_KEY"
_UNKNOWN = "see MEDIA_S3_ENDPOINT, and whether it knows MEDIA_S3_ACCESS_KEY_ID"
_BUCKET_REFUSED = {
    "NoSuchBucket": "`reprise setup` makes the one that MEDIA_ASSETS_BUCKET names",
    "InvalidAccessKeyId": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "AccessDenied": _KEYS,
    "403": _KEYS,
}


async def bucket_answers(probing: Probing) -> str:
    try:
        await probing.client.head_bucket(Bucket=probing.bucket)
    except ClientError as error:
        code = await _refusal(probing) or code_of(error)
        mending = _BUCKET_REFUSED.get(code, _UNKNOWN)
        raise Fails(f"{code}: {mending}") from error
    except (BotoCoreError, HTTPClientError, aiohttp.ClientError, OSError) as error:
        raise Fails(f"{type(error).__name__}: see MEDIA_S3_ENDPOINT") from error
    return ""


async def _refusal(probing: Probing) -> str:
    """The code of a refusal: an answer to HEAD has no body to say it in."""
    try:
        await probing.client.list_objects_v2(Bucket=probing.bucket, MaxKeys=1)
    except ClientError as error:
        return code_of(error)
    except (BotoCoreError, HTTPClientError, aiohttp.ClientError, OSError):
        pass  # the first answer stands
    return ""


async def put_when_required(probing: Probing) -> str:
    """Also empty, and of exactly the bytes that were sent: trailers must not end up inside."""
    for name, body in (("put", BODY), ("empty", b"")):
        await probing.store.put(probing.key(name), body, content_type=TYPE)
        found = await probing.store.get(probing.key(name))
        demand(found == body, f"{len(body)} bytes were put and {len(found)} others came back")
    return ""


async def put_default_checksums(probing: Probing) -> str:
    key = probing.key("default")
    async with open_s3(probing.settings, checksums="when_supported") as client:
        await client.put_object(Bucket=probing.bucket, Key=key, Body=BODY)
    found = await probing.store.get(key)
    demand(found == BODY, f"{len(BODY)} bytes were put and {len(found)} came back")
    return ""


async def wrong_md5_refused(probing: Probing) -> str:
    md5 = base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode()
    key = probing.key("md5")
    try:
        await probing.client.put_object(Bucket=probing.bucket, Key=key, Body=BODY, ContentMD5=md5)
    except ClientError as error:
        return refusal(error, 400)
    raise Fails("a body with another Content-MD5 was stored")


async def cut_signed_payload_refused(probing: Probing) -> str:
    """Our own writes: a payload hash in the signature, and a connection that ends in the body."""
    key = probing.key("cut-payload")
    url = f"{probing.settings.endpoint.rstrip('/')}/{probing.bucket}/{key}"
    request = AWSRequest("PUT", url, data=BODY)
    settings = probing.settings
    secret = settings.secret_access_key.get_secret_value()
    S3SigV4Auth(Credentials(settings.access_key_id, secret), "s3", settings.region).add_auth(
        request
    )
    headers = dict(request.headers.items())
    await probing.cut(url, BODY, headers=headers)
    demand(await settled(probing, key) is None, "a cut body was stored although it was signed")
    await taken_whole(probing, url, headers)
    return ""


async def unsigned_refused(probing: Probing) -> str:
    key = probing.key("private")
    await probing.store.put(key, BODY, content_type=TYPE)
    url = probing.url("GET", key).partition("?")[0]
    for method in ("GET", "HEAD", "PUT"):
        answer = await probing.send(method, url, body=b"x")
        demand(answer.status in {401, 403}, f"{method} without a signature gave {answer.status}")
    return ""


async def deletes_twice(probing: Probing) -> str:
    key = probing.key("gone")
    await probing.store.put(key, BODY, content_type=TYPE)
    for _ in range(2):
        await probing.client.delete_object(Bucket=probing.bucket, Key=key)
    demand(await probing.store.head(key) is None, "the object is still there")
    return ""


async def deletes_by_the_dozen(probing: Probing) -> str:
    keys = [probing.key(f"dozen/{number}") for number in range(3)]
    for key in keys:
        await probing.store.put(key, b"x", content_type=TYPE)
    named = [{"Key": key} for key in keys]
    await probing.client.delete_objects(Bucket=probing.bucket, Delete={"Objects": named})  # type: ignore[typeddict-item]
    left = [item.key async for item in probing.store.list(f"{probing.prefix}dozen/")]
    demand(not left, f"{len(left)} of 3 are still there")
    return ""


async def lists_in_pages(probing: Probing) -> str:
    keys = [probing.key(f"page/{number}") for number in range(5)]
    for key in keys:
        await probing.store.put(key, b"x", content_type=TYPE)
    found: list[str] = []
    pages = probing.client.get_paginator("list_objects_v2").paginate(
        Bucket=probing.bucket, Prefix=f"{probing.prefix}page/", PaginationConfig={"PageSize": 2}
    )
    async for page in pages:
        found += [item["Key"] for item in page.get("Contents", [])]
    demand(found == keys, f"{len(found)} of 5 were listed, or in another order")
    return ""


async def copies(probing: Probing) -> str:
    await probing.store.put(probing.key("source"), BODY, content_type=TYPE)
    await probing.client.copy_object(
        Bucket=probing.bucket,
        Key=probing.key("copy"),
        CopySource={"Bucket": probing.bucket, "Key": probing.key("source")},
    )
    demand(await probing.store.get(probing.key("copy")) == BODY, "the copy is not the source")
    return ""


async def odd_keys(probing: Probing) -> str:
    """The platform makes plain keys only; this tells how exact the store's signing is."""
    refused = []
    for name in ("a space", "a+plus", "ü-日本", "double//slash", "tilde~(1)"):
        try:
            await probing.store.put(probing.key(name), name.encode(), content_type=TYPE)
            same = await probing.store.get(probing.key(name)) == name.encode()
        except (ClientError, BotoCoreError, RepriseError):
            same = False
        if not same:
            refused.append(name)
    demand(not refused, f"not with {', '.join(refused)}")
    return ""


OBJECT_LINES = (
    Line("bucket", "required", "the bucket is there and ours", bucket_answers),
    Line("put", "required", "stored bytes are the sent bytes", put_when_required),
    Line("put_default_checksums", "reported", "SDK default checksums", put_default_checksums),
    Line("content_md5", "optional", "a wrong Content-MD5 is refused", wrong_md5_refused),
    Line(
        "signed_payload",
        "required",
        "a cut body with a signed payload is refused",
        cut_signed_payload_refused,
    ),
    Line("private", "required", "unsigned requests are refused, no ACL needed", unsigned_refused),
    Line("delete", "required", "deleting twice is success", deletes_twice),
    Line("delete_many", "reported", "DeleteObjects", deletes_by_the_dozen),
    Line("list", "required", "a listing in small pages is complete", lists_in_pages),
    Line("copy", "reported", "CopyObject", copies),
    Line("odd_keys", "reported", "space, plus, non-ASCII, double slash", odd_keys),
)
