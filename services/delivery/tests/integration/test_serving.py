"""The whole service on the real broker and the real store, driven over HTTP."""

import asyncio
import os
from dataclasses import replace

import pytest
from services.delivery.tests.integration.real_delivery import (
    DATA,
    OWNER_SUBJECT,
    RealDelivery,
    bearer,
    user_id,
)

from common.ids import new_asset_id

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest.mark.req("DLV-10")
async def test_ranges_of_a_stored_file_are_its_bytes(node: RealDelivery) -> None:
    url = node.public_url(await node.publish(visibility="public"))
    size = len(DATA)
    whole = await node.http.get(url)
    assert (whole.status_code, whole.content) == (200, DATA)
    for header, first, last in (
        ("bytes=1000-2000", 1000, 2000),
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, size - 1),
        ("bytes=-100", size - 100, size - 1),
        ("bytes=299000-999999", 299_000, size - 1),
    ):
        part = await node.http.get(url, headers={"Range": header})
        assert part.status_code == 206
        assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
        assert part.content == DATA[first : last + 1]
    step = 70_001
    pieces = [
        (await node.http.get(url, headers={"Range": f"bytes={n}-{n + step - 1}"})).content
        for n in range(0, size, step)
    ]
    assert b"".join(pieces) == DATA
    outside = await node.http.get(url, headers={"Range": f"bytes={size}-"})
    assert (outside.status_code, outside.headers["content-range"]) == (416, f"bytes */{size}")
    tag = whole.headers["etag"]
    for given, status in ((tag, 206), ('"other"', 200), (f"W/{tag}", 200)):
        answer = await node.http.get(url, headers={"Range": "bytes=5-9", "If-Range": given})
        assert answer.status_code == status
    several = await node.http.get(url, headers={"Range": "bytes=0-9,100000-100009,-5"})
    assert several.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert DATA[:10] in several.content
    assert DATA[100_000:100_010] in several.content
    assert len(several.content) == int(several.headers["content-length"])
    many = ",".join(f"{n}-{n}" for n in range(0, 90, 10))
    assert (await node.http.get(url, headers={"Range": f"bytes={many}"})).status_code == 416


async def test_every_answer_with_bytes_says_its_exact_length(node: RealDelivery) -> None:
    url = node.public_url(await node.publish(visibility="public"))
    for method, headers, length in (
        ("GET", {}, len(DATA)),
        ("HEAD", {}, len(DATA)),
        ("GET", {"Range": "bytes=5-14"}, 10),
        ("HEAD", {"Range": "bytes=5-14"}, len(DATA)),
    ):
        for _ in range(2):  # a second time, when something may have been kept
            answer = await node.http.request(method, url, headers=headers)
            assert answer.headers["content-length"] == str(length)
            assert "transfer-encoding" not in answer.headers
            assert len(answer.content) == (length if method == "GET" else 0)


async def test_curl_sees_the_range_it_asked_for(node: RealDelivery) -> None:
    url = node.url + node.public_url(await node.publish(visibility="public"))
    await node.eventually(lambda: known(node, url), "the record should arrive")
    curl = await asyncio.create_subprocess_exec(
        "curl", "-s", "-i", "-H", "Range: bytes=1000-2000", url, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(10):
        out, _ = await curl.communicate()
    head, _, body = out.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 206 ")
    assert b"\r\ncache-control: public, max-age=31536000, immutable\r\n" in head + b"\r\n"
    assert body == DATA[1000:2001]


async def known(node: RealDelivery, url: str) -> bool:
    return await node.status(url) == 200


async def test_head_equals_get_on_the_wire(node: RealDelivery) -> None:
    asset = await node.publish(visibility="public")
    for url in (node.public_url(asset), node.public_url(asset, generation=99)):
        got, head = await node.http.get(url), await node.http.head(url)
        own = {"date", "x-request-id"}
        assert head.status_code == got.status_code
        assert {k: v for k, v in head.headers.items() if k not in own} == {
            k: v for k, v in got.headers.items() if k not in own
        }


async def test_a_file_without_bytes_is_served(node: RealDelivery) -> None:
    asset = await node.store_asset(b"", visibility="public")
    await node.log.tell(asset)
    answer = await node.http.get(node.public_url(asset))
    assert (answer.status_code, answer.headers["content-length"]) == (200, "0")


async def test_a_deleted_asset_is_refused_within_two_seconds(node: RealDelivery) -> None:
    asset = await node.publish(visibility="public")
    url = node.public_url(asset)
    assert await node.status(url) == 200
    await node.log.tell(replace(asset, state="deleted", generation=2))

    async def gone() -> bool:
        return await node.status(url) == 410

    await node.eventually(gone, "the link should be dead", within=2)
    await node.log.tell(replace(asset, generation=3))
    assert await node.status(node.public_url(asset, generation=3)) == 200
    assert await node.status(url) == 410
    await node.log.remove(asset)
    await node.eventually(
        lambda: node.has_status(node.public_url(asset, generation=3), 410), "gone for good"
    )


async def test_a_token_newer_than_the_index_is_served_once_its_record_arrives(
    node: RealDelivery,
) -> None:
    asset = await node.publish(visibility="public")
    assert await node.status(node.public_url(asset)) == 200
    newer = replace(asset, generation=2)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(node.http.get(node.public_url(newer)))
        await asyncio.sleep(0)
        await node.log.tell(newer)
    assert asking.result().status_code == 200


async def test_an_unknown_asset_is_try_again_after_two_seconds(node: RealDelivery) -> None:
    key = f"u/{new_asset_id()}/original-0000000000000000.flac"
    started = asyncio.get_running_loop().time()
    answer = await node.http.get(f"/m/{key}?t={node.tokens.public(key, generation=1)}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["cache-control"] == "no-store"
    # far less than what a request may wait for the store, also on a machine that is busy
    assert 1.9 < asyncio.get_running_loop().time() - started < 10


@pytest.mark.req("DLV-17")
async def test_a_removed_member_loses_access_within_seconds(node: RealDelivery) -> None:
    member = user_id("member@example.org")
    asset = await node.publish(visibility="circle", members=(member,))
    url = node.private_url(asset, member)
    playing = await node.http.get(url, headers={"Range": "bytes=0-99999"})
    assert (playing.status_code, playing.content) == (206, DATA[:100_000])
    await node.log.tell(replace(asset, members=()))
    await node.eventually(lambda: node.has_status(url, 410), "the member should be out")
    refused = await node.http.get(url, headers={"Range": "bytes=100000-199999"})
    assert refused.status_code == 410
    assert await node.status(node.private_url(asset)) == 200


@pytest.mark.req("SEC-05")
@pytest.mark.parametrize("type_", ["text/html", "image/svg+xml"])
async def test_bytes_put_into_the_store_as_html_never_leave_as_html(
    node: RealDelivery, type_: str
) -> None:
    page = b"<script>alert(1)</script>"
    honest = await node.store_asset(page, store_type=type_, visibility="public")
    told = replace(honest, objects=tuple(replace(o, content_type=type_) for o in honest.objects))
    await node.log.tell(told)
    answer = await node.http.get(node.public_url(told))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_type_of_the_record_is_told_and_not_that_of_the_store(
    node: RealDelivery,
) -> None:
    asset = await node.store_asset(DATA[:10], store_type="text/html", visibility="public")
    await node.log.tell(asset)
    answer = await node.http.get(node.public_url(asset))
    assert answer.headers["content-type"] == "audio/flac"


async def test_bytes_that_are_missing_in_the_store_are_gone(node: RealDelivery) -> None:
    asset = await node.publish(visibility="public")
    assert await node.status(node.public_url(asset)) == 200
    await node.store.delete(asset.objects[0].key)
    assert await node.status(node.public_url(asset)) == 410


async def test_other_bytes_under_the_key_are_never_sent(node: RealDelivery) -> None:
    asset = await node.store_asset(DATA, visibility="public")
    other = replace(asset.objects[0], etag="0" * 32)
    await node.log.tell(replace(asset, objects=(other,)))
    answer = await node.http.get(node.public_url(asset))
    assert (answer.status_code, answer.json()["code"]) == (503, "object_changed")


async def test_records_for_newer_versions_deny_and_are_counted(node: RealDelivery) -> None:
    asset = await node.store_asset(DATA[:10], visibility="public")
    await node.log.tell(asset, requires=99)
    answer = await node.http.get(node.public_url(asset))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_understood")
    metrics = (await node.http.get("/metrics")).text
    assert 'media_delivery_index_denied_records_total{reason="requires"} 1.0' in metrics
    assert 'media_delivery_denials_total{reason="not_understood"} 1.0' in metrics


@pytest.mark.req("DLV-03")
async def test_links_are_given_to_those_who_may_see(node: RealDelivery) -> None:
    asset = await node.publish()
    path = f"/api/v1/user/media/{asset.asset_id}/url"
    mine = await node.http.get(path, headers=bearer(OWNER_SUBJECT))
    assert mine.status_code == 200
    assert mine.headers["cache-control"] == "no-store"
    link = mine.json()
    assert (link["tier"], link["size"], link["content_type"]) == (
        "mp3-192", len(DATA), "audio/mpeg",
    )  # fmt: skip
    assert (await node.http.get(link["url"])).headers["etag"] == link["etag"]
    operator = await node.http.get(path, headers=bearer("admin@example.org", "admin"))
    assert (await node.http.get(operator.json()["url"])).content == DATA
    stranger = await node.http.get(path, headers=bearer("stranger@example.org"))
    assert stranger.status_code == 404
    assert (await node.http.get(path)).status_code == 401
    unknown = await node.http.get(path, params={"tier": "x"}, headers=bearer(OWNER_SUBJECT))
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_tier")


@pytest.mark.req("DLV-18")
async def test_the_tier_is_chosen_by_name_or_quality(node: RealDelivery) -> None:
    asset = await node.publish(renditions=("original", "mp3-320", "mp3-192", "aac-128"))
    path = f"/api/v1/user/media/{asset.asset_id}/url"
    for asked, tier in (
        (None, "mp3-192"), ("low", "aac-128"), ("high", "mp3-320"), ("original", "original"),
        ("mp3-320", "mp3-320"),
    ):  # fmt: skip
        params = {"tier": asked} if asked else {}
        answer = await node.http.get(path, params=params, headers=bearer(OWNER_SUBJECT))
        assert answer.json()["tier"] == tier
    wrong = await node.http.get(path, params={"tier": "best"}, headers=bearer(OWNER_SUBJECT))
    assert wrong.status_code == 400


async def test_a_link_by_key_and_a_redirect(node: RealDelivery) -> None:
    asset = await node.publish()
    asked = {"key": asset.objects[0].key, "redirect": "1"}
    answer = await node.http.get("/api/v1/media/url", params=asked, headers=bearer(OWNER_SUBJECT))
    assert answer.status_code == 302
    assert answer.headers["cache-control"] == "no-store"
    followed = await node.http.get(answer.headers["location"])
    assert (followed.status_code, followed.content) == (200, DATA)


@pytest.mark.req("DLV-42")
async def test_refresh_gives_fresh_links_to_those_who_may_see_and_to_nobody_else(
    node: RealDelivery,
) -> None:
    member, stranger = "member@example.org", "stranger@example.org"
    private = await node.publish()
    circle = await node.publish(visibility="circle", members=(user_id(member),))
    public = await node.publish(visibility="public")
    assert await node.status(node.public_url(public)) == 200
    body = {"keys": [a.objects[0].key for a in (private, circle, public)]}
    for headers, expected in (
        (bearer(OWNER_SUBJECT), (True, True, True)),
        (bearer("admin@example.org", "admin"), (True, True, True)),
        (bearer(member), (False, True, True)),
        (bearer(stranger), (False, False, True)),
    ):
        answer = await node.http.post("/api/v1/media/refresh", json=body, headers=headers)
        items = answer.json()["items"]
        assert tuple(item["link"] is not None for item in items) == expected
        for item in items:
            if item["link"]:
                fetched = await node.http.get(item["link"]["url"])
                assert (fetched.status_code, fetched.content) == (200, DATA)
            else:
                assert item["code"] == "not_found"
    assert (await node.http.post("/api/v1/media/refresh", json=body)).status_code == 401


async def test_refresh_takes_a_hundred_and_no_more(node: RealDelivery) -> None:
    headers = bearer(OWNER_SUBJECT)
    for number, status in ((100, 200), (101, 422)):
        body = {"keys": ["x"] * number}
        answer = await node.http.post("/api/v1/media/refresh", json=body, headers=headers)
        assert answer.status_code == status


async def test_no_token_is_written_to_the_log(node: RealDelivery) -> None:
    asset = await node.publish()
    path = f"/api/v1/user/media/{asset.asset_id}/url"
    link = (await node.http.get(path, headers=bearer(OWNER_SUBJECT))).json()
    assert await node.status(link["url"]) == 200
    assert await node.status(link["url"][:-3]) == 401
    text = (node.folder / "log").read_text()
    assert '"media.url.issued"' in text
    assert link["url"].partition("?t=")[2] not in text
    assert "X-Amz-Signature" not in text


async def test_a_client_that_leaves_in_the_middle_costs_nothing_more(node: RealDelivery) -> None:
    big = os.urandom(20_000_000)
    asset = await node.store_asset(big, visibility="public", renditions=("original",))
    await node.log.tell(asset)
    url = node.public_url(asset)
    async with node.http.stream("GET", url) as answer:
        async for _ in answer.aiter_raw():
            break
    sample = 'media_http_sent_bytes_total{route="/m/{key:path}"} '

    async def ended() -> bool:
        metrics = (await node.http.get("/metrics")).text
        sent = [line for line in metrics.splitlines() if line.startswith(sample)]
        return bool(sent) and 0 < float(sent[0].removeprefix(sample)) < len(big)

    await node.eventually(ended, "the read should end early")


async def test_ready_needs_the_index_and_the_secret_and_nothing_else(node: RealDelivery) -> None:
    ready = (await node.http.get("/readyz")).json()
    assert set(ready["checks"]) == {"index", "secret"}
