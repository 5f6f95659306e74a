"""The bucket: its listing, its CORS and lifecycle rules, deletes by the dozen, preflights."""

import base64

from aiohttp import web

from devstack.faults.s3 import documents
from devstack.faults.s3.asking import Asking
from devstack.faults.s3.errors import Refused
from devstack.faults.s3.shelf import Held


async def nothing(asking: Asking) -> web.StreamResponse:
    """The bucket is there, and making it again is fine."""
    return web.Response()


async def location(asking: Asking) -> web.StreamResponse:
    return documents.answer("LocationConstraint", [])


async def list_objects(asking: Asking) -> web.StreamResponse:
    """ListObjectsV2 without delimiters: the platform lists prefixes whole."""
    query, fault = asking.query, asking.fault
    token = query.get("continuation-token", "")
    after = base64.b64decode(token).decode() if token else query.get("start-after", "")
    limit = min(int(query.get("max-keys", 1000)), 1000)
    prefix = query.get("prefix", "")
    found = [key for key in asking.shelf.keys(prefix, after) if key not in asking.behaviour.lost]
    shown, more = found[:limit], len(found) > limit
    if fault and fault.short is not None:
        shown, more = shown[: fault.short], False
    following = base64.b64encode(shown[-1].encode()).decode() if more else ""
    return documents.answer(
        "ListBucketResult",
        [
            ("Prefix", prefix),
            ("KeyCount", len(shown)),
            ("MaxKeys", limit),
            ("IsTruncated", more),
            *([("NextContinuationToken", following)] if more else []),
            *(("Contents", _entry(key, asking.shelf.find(key))) for key in shown),
        ],
    )


async def delete_objects(asking: Asking) -> web.StreamResponse:
    body = documents.read(await asking.request.read())
    keys = [element.findtext("Key") or "" for element in body.iter("Object")]
    for key in keys if asking.behaviour.offers.deletes else ():
        asking.shelf.delete(key)
    quiet = body.findtext("Quiet") == "true"
    return documents.answer(
        "DeleteResult", [] if quiet else [("Deleted", [("Key", key)]) for key in keys]
    )


async def keep_setting(asking: Asking) -> web.StreamResponse:
    """PUT ?cors and ?lifecycle: kept as they came."""
    name = _setting(asking)
    documents.read(body := await asking.request.read())
    asking.settings[name] = body
    return web.Response()


async def show_setting(asking: Asking) -> web.StreamResponse:
    name = _setting(asking)
    if name not in asking.settings:
        missing = {"cors": "NoSuchCORSConfiguration", "lifecycle": "NoSuchLifecycleConfiguration"}
        raise Refused(404, missing[name])
    return web.Response(body=asking.settings[name], content_type="application/xml")


async def drop_setting(asking: Asking) -> web.StreamResponse:
    asking.settings.pop(_setting(asking), None)
    return web.Response(status=204)


async def preflight(asking: Asking) -> web.StreamResponse:
    """Answered from the CORS rules alone, without a signature."""
    headers = asking.request.headers
    origin = headers.get("origin", "")
    method = headers.get("access-control-request-method", "")
    wanted = headers.get("access-control-request-headers", "").split(",")
    allowed = cors_headers(asking.settings.get("cors"), origin, method, wanted)
    if not allowed:
        raise Refused(403, "AccessForbidden", "CORSResponse: This CORS request is not allowed.")
    return web.Response(headers=allowed)


def cors_headers(
    rules: bytes | None, origin: str, method: str, wanted: list[str]
) -> dict[str, str]:
    """What the first fitting rule lets a browser see; empty when none fits."""
    asked = {name.strip().lower() for name in wanted if name.strip()}
    for rule in documents.read(rules).iter("CORSRule") if rules and origin else ():
        texts = {
            tag: [element.text or "" for element in rule.iter(tag)]
            for tag in ("AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader")
        }
        headers = {name.lower() for name in texts["AllowedHeader"]}
        fits = origin in texts["AllowedOrigin"] or "*" in texts["AllowedOrigin"]
        if fits and method in texts["AllowedMethod"] and ("*" in headers or asked <= headers):
            return {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Methods": ", ".join(texts["AllowedMethod"]),
                "Access-Control-Allow-Headers": ", ".join(sorted(asked)),
                "Access-Control-Expose-Headers": ", ".join(texts["ExposeHeader"]),
                "Access-Control-Max-Age": rule.findtext("MaxAgeSeconds") or "0",
                "Vary": "Origin",
            }
    return {}


def _setting(asking: Asking) -> str:
    offers = asking.behaviour.offers
    name = "cors" if "cors" in asking.query else "lifecycle"
    asking.require(offered=offers.cors if name == "cors" else offers.lifecycle)
    return name


def _entry(key: str, held: Held) -> list[documents.Tree]:
    return [
        ("Key", key),
        ("LastModified", held.made_at.isoformat()),
        ("ETag", f'"{held.etag}"'),
        ("Size", held.size),
        ("StorageClass", "STANDARD"),
    ]
