"""`/m/` as clients see it: statuses, header fields, bodies; index and store are in memory."""

from collections.abc import AsyncIterator
from datetime import timedelta
from email.parser import BytesParser
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter
from services.delivery.tests.fakes import MemoryIndex, MemoryStore
from services.delivery.tests.media import MEMBER, OWNER, an_asset, tokens

from common.errors import Unavailable
from common.ids import new_asset_id
from common.settings.groups import TelemetrySettings
from common.telemetry.telemetry import open_telemetry
from common.testing.clock import ManualClock
from common.web.app import build_app
from delivery.domain.media import Asset, DeniedAsset
from delivery.routes.headers import guards
from delivery.routes.media import MediaRoutes
from delivery.routes.robots import build_robots_route
from delivery.usecases.serve_media import ServeMedia

SIZE = 1000
DATA = bytes(n * 7 % 256 for n in range(SIZE))
PUBLIC = "public, max-age=31536000, immutable"
PRIVATE = "private, no-store"
GUARDS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}


class Edge:
    """The app over fakes, and a client of it."""

    def __init__(self, policy: str = "same-origin", *, rings: bool = True) -> None:
        self.clock = ManualClock()
        self.index = MemoryIndex(self.clock)
        self.store = MemoryStore()
        self.tokens = tokens()
        self.registry = CollectorRegistry()
        routes = MediaRoutes(
            ServeMedia(self.index, self.tokens if rings else None, self.clock, timedelta(hours=12)),
            self.store,
            guards(policy),
            stall=5.0,
            denials=Counter("denials", "Refusals.", ["reason"], registry=self.registry),
        )
        app = build_app(
            service="delivery",
            version="0",
            routers=[routes.router(), build_robots_route()],
            checks=[],
            telemetry=open_telemetry("delivery", TelemetrySettings(log_level="error")),
            clock=self.clock,
        )
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://edge.test"
        )

    def add(self, visibility: str = "public", **fields: object) -> Asset:
        asset = an_asset(visibility=visibility, **fields)  # type: ignore[arg-type]
        self.index.know(asset)
        for stored in asset.objects:
            self.store.files[stored.key] = DATA[: stored.size]
        return asset

    def url(self, asset: Asset, viewer: UUID = OWNER, generation: int | None = None) -> str:
        key, generation = asset.objects[0].key, generation or asset.generation
        if asset.visibility == "public":
            return f"/m/{key}?t={self.tokens.public(key, generation=generation)}"
        until = self.clock.now() + timedelta(minutes=10)
        token = self.tokens.private(key, generation=generation, viewer=viewer, expires_at=until)
        return f"/m/{key}?t={token}"

    def denied(self, reason: str) -> float:
        return self.registry.get_sample_value("denials_total", {"reason": reason}) or 0.0


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    made = Edge()
    async with made.http:
        yield made


def guarded(answer: httpx.Response) -> bool:
    return {name: answer.headers.get(name) for name in GUARDS} == GUARDS


@pytest.mark.req("DLV-06")
async def test_a_public_token_gives_the_file_to_keep_for_ever(edge: Edge) -> None:
    answer = await edge.http.get(edge.url(edge.add()))
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers.get_list("cache-control") == [PUBLIC]
    assert answer.headers["cdn-cache-control"] == "public, max-age=60"
    assert "x-robots-tag" not in answer.headers


@pytest.mark.req("DLV-07")
async def test_a_private_token_gives_the_file_to_keep_nowhere(edge: Edge) -> None:
    asset = edge.add("owner")
    url, tag = edge.url(asset), f'"{asset.objects[0].etag}"'
    for headers, status in (
        ({}, 200),
        ({"Range": "bytes=0-9"}, 206),
        ({"If-None-Match": tag}, 304),
        ({"Range": "bytes=5000-"}, 416),
    ):
        answer = await edge.http.get(url, headers=headers)
        assert answer.status_code == status
        assert answer.headers.get_list("cache-control") == [PRIVATE]
        assert "cdn-cache-control" not in answer.headers
        assert answer.headers["x-robots-tag"] == "noindex"
        assert guarded(answer)


@pytest.mark.req("SEC-06")
@pytest.mark.parametrize("visibility", ["public", "owner"])
async def test_parts_and_refused_ranges_are_kept_as_long_as_the_whole(
    edge: Edge, visibility: str
) -> None:
    asset = edge.add(visibility)
    url, tag = edge.url(asset), f'"{asset.objects[0].etag}"'
    whole = await edge.http.get(url)
    for headers, status in (
        ({"Range": "bytes=0-9"}, 206),
        ({"Range": "bytes=0-9,20-29"}, 206),
        ({"If-None-Match": tag}, 304),
        ({"Range": "bytes=1000-"}, 416),
    ):
        answer = await edge.http.get(url, headers=headers)
        assert answer.status_code == status
        assert answer.headers["etag"] == tag
        for name in ("cache-control", "cdn-cache-control", "x-robots-tag", *GUARDS):
            assert answer.headers.get(name) == whole.headers.get(name)


async def test_the_whole_file_is_described_exactly(edge: Edge) -> None:
    answer = await edge.http.get(edge.url(edge.add()))
    assert answer.headers["content-type"] == "audio/flac"
    assert answer.headers["content-length"] == "1000"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == '"etag-original"'
    assert answer.headers["last-modified"] == "Thu, 01 Jan 2026 12:00:00 GMT"
    assert answer.headers["content-disposition"] == 'inline; filename="original.flac"'
    assert "transfer-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("header", "status", "content_range", "body"),
    [
        ("bytes=0-0", 206, "bytes 0-0/1000", DATA[:1]),
        ("bytes=0-1", 206, "bytes 0-1/1000", DATA[:2]),
        ("bytes=100-199", 206, "bytes 100-199/1000", DATA[100:200]),
        ("bytes=900-", 206, "bytes 900-999/1000", DATA[900:]),
        ("bytes=-100", 206, "bytes 900-999/1000", DATA[-100:]),
        ("bytes=-99999", 206, "bytes 0-999/1000", DATA),
        ("bytes=990-99999", 206, "bytes 990-999/1000", DATA[990:]),
        ("bytes=0-", 206, "bytes 0-999/1000", DATA),
        ("bytes=0-999", 206, "bytes 0-999/1000", DATA),
        ("bytes=1_0-2_0", 200, None, DATA),
        ("bytes=+0-+9", 200, None, DATA),
        ("items=0-9", 200, None, DATA),
        ("bytes=9-0", 200, None, DATA),
        ("bytes=0-" + "9" * 5000, 206, "bytes 0-999/1000", DATA),
    ],
)
async def test_ranges_are_answered_as_the_rfc_says(
    edge: Edge, header: str, status: int, content_range: str | None, body: bytes
) -> None:
    answer = await edge.http.get(edge.url(edge.add()), headers={"Range": header})
    assert answer.status_code == status
    assert answer.headers.get("content-range") == content_range
    assert answer.content == body
    assert answer.headers["content-length"] == str(len(body))


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=-0", "bytes=5000-6000"])
async def test_a_range_outside_the_file_names_its_length(edge: Edge, header: str) -> None:
    answer = await edge.http.get(edge.url(edge.add()), headers={"Range": header})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */1000"
    assert answer.json()["code"] == "range_not_satisfiable"
    assert not edge.store.reads


async def test_several_ranges_come_as_multipart(edge: Edge) -> None:
    wanted = "bytes=900-999, 0-9, 500-509"
    answer = await edge.http.get(edge.url(edge.add()), headers={"Range": wanted})
    assert answer.status_code == 206
    assert "content-range" not in answer.headers
    assert answer.headers["content-length"] == str(len(answer.content))
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = list(BytesParser().parsebytes(head + answer.content).walk())[1:]
    assert [part["Content-Range"] for part in parts] == [
        "bytes 900-999/1000", "bytes 0-9/1000", "bytes 500-509/1000",
    ]  # fmt: skip
    assert {part.get_content_type() for part in parts} == {"audio/flac"}
    boundary = answer.headers["content-type"].partition("boundary=")[2]
    between = answer.content.split(f"--{boundary}".encode())
    bodies = [piece.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for piece in between[1:-1]]
    assert bodies == [DATA[900:], DATA[:10], DATA[500:510]]
    assert [wanted.length for _, wanted in edge.store.reads] == [100, 10, 10]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(0, 400),
    header=st.one_of(
        st.none(),
        st.tuples(st.integers(0, 500), st.integers(0, 500)).map(lambda p: f"bytes={p[0]}-{p[1]}"),
        st.integers(0, 500).map(lambda n: f"bytes=-{n}"),
    ),
)
async def test_every_answer_has_exactly_the_length_it_says(
    edge: Edge, size: int, header: str | None
) -> None:
    url = edge.url(edge.add(size=size))
    answer = await edge.http.get(url, headers={"Range": header} if header else {})
    assert answer.status_code in {200, 206, 416}
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.req("DLV-12")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(0, 400),
    visibility=st.sampled_from(["public", "owner"]),
    type_=st.sampled_from(["audio/flac", "image/webp", "text/html", "video/mp4"]),
    generation=st.sampled_from([1, 2]),
    headers=st.sampled_from(
        [{}, {"If-None-Match": "*"}, {"If-Match": '"x"'}, {"If-None-Match": '"y"'}]
    ),
)
async def test_head_says_what_get_says(
    edge: Edge,
    size: int,
    visibility: str,
    type_: str,
    generation: int,
    headers: dict[str, str],
) -> None:
    asset = edge.add(visibility, size=size, content_type=type_, generation=2)
    url = edge.url(asset, generation=generation)
    got = await edge.http.get(url, headers=headers)
    head = await edge.http.head(url, headers=headers)
    assert head.status_code == got.status_code
    assert said(head) == said(got)


def said(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


async def test_a_head_with_a_range_describes_the_whole_file(edge: Edge) -> None:
    url = edge.url(edge.add())
    head = await edge.http.head(url, headers={"Range": "bytes=0-9"})
    assert (head.status_code, head.headers["content-length"]) == (200, "1000")
    assert "content-range" not in head.headers
    assert not edge.store.reads


@pytest.mark.req("SEC-06", "DLV-33")
async def test_refusals_carry_the_guards_and_are_not_kept(edge: Edge) -> None:
    asset = edge.add("circle", members=(MEMBER,))
    good = edge.url(asset)
    missing = good.replace("/original-", "/mp3-320-")
    key = missing.removeprefix("/m/").partition("?")[0]
    public = edge.add("public", generation=2)
    unknown = f"u/{asset.asset_id}/x/y"
    now = edge.clock.now()
    private = edge.tokens.private(key, generation=1, viewer=OWNER, expires_at=now)
    denied = edge.add("public")
    edge.index.entries[denied.asset_id] = DeniedAsset(denied.asset_id, "requires")
    cases = {
        edge.url(denied): (403, "not_understood", "no-store"),
        good.partition("?")[0]: (401, "restricted", "no-store"),
        good[:-1] + ("A" if good[-1] != "A" else "B"): (401, "restricted", "no-store"),
        edge.url(public, generation=1): (410, "gone", "no-store"),
        f"/m/{unknown}?t={edge.tokens.public(unknown, generation=1)}": (
            404, "not_found", "public, max-age=5",
        ),
        f"/m/{key}?t={private}": (
            404, "not_found", "no-store",
        ),
    }  # fmt: skip
    for url, (status, code, kept) in cases.items():
        for answer in (await edge.http.get(url), await edge.http.head(url)):
            assert answer.status_code == status
            assert answer.headers["cache-control"] == kept
            assert answer.headers["content-type"] == "application/problem+json"
            assert guarded(answer)
        assert (await edge.http.get(url)).json()["code"] == code
        assert edge.denied(code) >= 1
    edge.clock.advance(700)
    expired = await edge.http.get(good)
    assert (expired.status_code, expired.json()["code"]) == (401, "expired")
    assert expired.headers["cache-control"] == "no-store"


@pytest.mark.req("DLV-08")
async def test_missing_empty_garbled_and_foreign_tokens_are_restricted(edge: Edge) -> None:
    asset, other = edge.add("owner"), edge.add("owner")
    path, _, token = edge.url(asset).partition("?t=")
    foreign = edge.url(other).partition("?t=")[2]
    for query in ("", "?t=", "?t=garbage", f"?t={token[:-2]}", f"?t={foreign}", f"?T={token}"):
        answer = await edge.http.get(path + query)
        assert (answer.status_code, answer.json()["code"]) == (401, "restricted")
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.req("DLV-09")
async def test_an_expired_token_says_so(edge: Edge) -> None:
    url = edge.url(edge.add("owner"))
    edge.clock.advance(660)
    answer = await edge.http.get(url)
    assert (answer.status_code, answer.json()["code"]) == (401, "expired")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.req("SEC-09")
@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "X"]
)
async def test_other_methods_are_refused_with_the_allowed_ones(edge: Edge, method: str) -> None:
    answer = await edge.http.request(method, edge.url(edge.add()))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert guarded(answer)


@pytest.mark.parametrize("type_", ["text/html", "image/svg+xml", "application/pdf"])
async def test_a_type_that_could_run_becomes_a_download(edge: Edge, type_: str) -> None:
    answer = await edge.http.get(edge.url(edge.add(content_type=type_)))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; ")


async def test_the_resource_policy_follows_the_setting() -> None:
    made = Edge("cross-origin")
    async with made.http:
        answer = await made.http.get(made.url(made.add()))
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


async def test_without_key_rings_the_answer_is_not_configured() -> None:
    made = Edge(rings=False)
    async with made.http:
        answer = await made.http.get(made.url(made.add()))
    assert (answer.status_code, answer.json()["code"]) == (503, "not_configured")
    assert answer.headers["cache-control"] == "no-store"
    assert guarded(answer)


async def test_an_unknown_asset_is_try_again_and_never_kept(edge: Edge) -> None:
    key = f"u/{new_asset_id()}/original-0000000000000000.flac"
    answer = await edge.http.get(f"/m/{key}?t={edge.tokens.public(key, generation=1)}")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_yet_indexed")
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_store_that_does_not_answer_is_503_with_the_guards(edge: Edge) -> None:
    url = edge.url(edge.add())
    edge.store.refusal = Unavailable("down", code="storage_unavailable")
    answer = await edge.http.get(url)
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert answer.headers["cache-control"] == "no-store"
    assert "content-range" not in answer.headers
    assert guarded(answer)


async def test_a_failed_precondition_is_kept_nowhere(edge: Edge) -> None:
    for visibility, kept in (("public", "no-store"), ("owner", PRIVATE)):
        url = edge.url(edge.add(visibility))
        answer = await edge.http.get(url, headers={"If-Match": '"other"'})
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
        assert answer.headers["cache-control"] == kept
        assert guarded(answer)


@pytest.mark.req("DLV-47")
async def test_search_engines_are_told_to_stay_away(edge: Edge) -> None:
    answer = await edge.http.get("/robots.txt")
    assert answer.status_code == 200
    assert "Disallow: /m/" in answer.text
    private = await edge.http.get(edge.url(edge.add("owner")))
    assert private.headers["x-robots-tag"] == "noindex"
