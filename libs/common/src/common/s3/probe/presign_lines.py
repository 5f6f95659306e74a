"""Presigned URLs: what may be handed to a client, and whether they bind what was signed."""

import base64
import hashlib

from common.s3.probe.line import Line, demand
from common.s3.probe.object_lines import TYPE
from common.s3.probe.probing import Probing
from common.s3.probe.settling import BODY, settled, taken_whole

SHA256 = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
BOUND = {
    "content-type": "image/png",
    "content-length": str(len(BODY)),
    "x-amz-checksum-sha256": SHA256,
    "if-none-match": "*",
}


async def get(probing: Probing) -> str:
    key = probing.key("get")
    await probing.store.put(key, BODY, content_type=TYPE)
    whole = await probing.send("GET", probing.url("GET", key))
    demand(whole.status == 200 and whole.body == BODY, f"gave {whole.status}")
    part = await probing.send("GET", probing.url("GET", key), headers={"range": "bytes=5-9"})
    demand(part.status == 206 and part.body == BODY[5:10], f"a range gave {part.status}")
    head = await probing.send("HEAD", probing.url("HEAD", key))
    demand(head.status == 200, f"HEAD gave {head.status}")
    return ""


async def overrides(probing: Probing) -> str:
    key = probing.key("get")
    await probing.store.put(key, BODY, content_type=TYPE, if_absent=False)
    query = {"response-content-type": "audio/flac", "response-cache-control": "no-store"}
    answer = await probing.send("GET", probing.url("GET", key, query=query))
    shown = (answer.headers.get("content-type"), answer.headers.get("cache-control"))
    demand(shown == ("audio/flac", "no-store"), f"showed {shown}")
    return ""


async def tampering(probing: Probing) -> str:
    """Another key, another query, too late, another method: all of them 403."""
    key = probing.key("get")
    await probing.store.put(key, BODY, content_type=TYPE, if_absent=False)
    good = probing.url("GET", key)
    tries = {
        "another key": ("GET", good.replace("/get?", "/put?")),
        "a longer life": ("GET", good.replace("Expires=60", "Expires=600")),
        "an override": ("GET", f"{good}&response-content-type=text%2Fhtml"),
        "an expired URL": ("GET", probing.url("GET", key, signed_ago=3600)),
        "another method": ("PUT", good),
    }
    for what, (method, url) in tries.items():
        answer = await probing.send(method, url, body=b"x")
        demand(answer.status == 403, f"{what} gave {answer.status}")
    return ""


async def put(probing: Probing) -> str:
    """As sign-upload hands it out: type, length, digest and no overwriting are all signed."""
    key = probing.key("presigned-put")
    url = probing.url("PUT", key, headers=BOUND)
    sent = {name: value for name, value in BOUND.items() if name != "content-length"}
    answer = await probing.send("PUT", url, body=BODY, headers=sent)
    demand(answer.status == 200, f"gave {answer.status}")
    demand(await probing.store.get(key) == BODY, "other bytes are stored")
    other = probing.key("presigned-bound")
    url = probing.url("PUT", other, headers=BOUND)
    wrong = {
        "another type": (BODY, sent | {"content-type": "text/html"}),
        "a longer body": (BODY + b"x", sent),
        "another body": (BODY[::-1], sent),
        "another digest": (BODY, sent | {"x-amz-checksum-sha256": SHA256[::-1]}),
    }
    for what, (body, headers) in wrong.items():
        answer = await probing.send("PUT", url, body=body, headers=headers)
        demand(answer.status in {400, 403}, f"{what} gave {answer.status}")
        demand(await probing.store.head(other) is None, f"{what} was stored")
    return ""


async def put_once(probing: Probing) -> str:
    key = probing.key("presigned-once")
    headers = {"if-none-match": "*"}
    url = probing.url("PUT", key, headers=headers)
    statuses = [(await probing.send("PUT", url, body=BODY, headers=headers)).status for _ in "12"]
    demand(statuses == [200, 412], f"gave {statuses}")
    return ""


async def cut_digested_put(probing: Probing) -> str:
    key = probing.key("cut-digested")
    headers = {"x-amz-checksum-sha256": SHA256}
    url = probing.url("PUT", key, headers=headers)
    await probing.cut(url, BODY, headers=headers)
    demand(await settled(probing, key) is None, "a cut body with a signed digest was stored")
    await taken_whole(probing, url, headers)
    return ""


async def parts(probing: Probing) -> str:
    key = probing.key("presigned-part")
    upload_id = await probing.begin(key, TYPE)
    query = {"partNumber": "1", "uploadId": upload_id}
    answer = await probing.send("PUT", probing.url("PUT", key, query=query), body=BODY)
    demand(answer.status == 200, f"gave {answer.status}")
    held = [part.size async for part in probing.store.list_parts(key, upload_id)]
    demand(held == [len(BODY)], f"ListParts shows {held}")
    await probing.store.abort_multipart(key, upload_id)
    return ""


async def digested_parts(probing: Probing) -> str:
    """A part whose digest is signed: another body, and a cut one, are refused."""
    key = probing.key("digested-part")
    upload_id = await probing.begin(key, TYPE)
    query = {"partNumber": "1", "uploadId": upload_id}
    headers = {"x-amz-checksum-sha256": SHA256}
    url = probing.url("PUT", key, query=query, headers=headers)
    other = await probing.send("PUT", url, body=BODY[::-1], headers=headers)
    demand(other.status in {400, 403}, f"another body gave {other.status}")
    await probing.cut(url, BODY, headers=headers)
    held = [part.size async for part in probing.store.list_parts(key, upload_id)]
    demand(not held, "a cut part with a signed digest was kept")
    await taken_whole(probing, url, headers)
    await probing.store.abort_multipart(key, upload_id)
    return ""


async def short_body_refused(probing: Probing) -> str:
    """Without a digest: decides whether undigested presigned parts are offered at all."""
    key = probing.key("cut-put")
    url = probing.url("PUT", key)
    await probing.cut(url, BODY)
    demand(await settled(probing, key) is None, "a cut PUT was stored")
    await taken_whole(probing, url)
    key = probing.key("cut-part")
    upload_id = await probing.begin(key, TYPE)
    query = {"partNumber": "1", "uploadId": upload_id}
    url = probing.url("PUT", key, query=query)
    await probing.cut(url, BODY)
    await settled(probing, key)  # as long as the other one was waited for
    held = [part.size async for part in probing.store.list_parts(key, upload_id)]
    demand(not held, f"a cut part was kept as {sum(held)} of {len(BODY)} bytes")
    await taken_whole(probing, url)
    await probing.store.abort_multipart(key, upload_id)
    return ""


PRESIGN_LINES = (
    Line("presigned_get", "optional", "GET, a range of it, and HEAD", get),
    Line("presigned_overrides", "reported", "response-* overrides", overrides),
    Line("presigned_binding", "optional", "tampered or expired URLs are refused", tampering),
    Line("presigned_put", "optional", "binds type, length and digest", put),
    Line("presigned_once", "optional", "a signed If-None-Match is kept", put_once),
    Line("digested_put", "optional", "cut, with a signed digest: refused", cut_digested_put),
    Line("presigned_parts", "optional", "parts by URL", parts),
    Line("digested_parts", "optional", "parts with a signed digest", digested_parts),
    Line("short_body_refused", "optional", "cut, without a digest: refused", short_body_refused),
)
