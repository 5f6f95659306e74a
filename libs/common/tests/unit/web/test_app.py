import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from common import errors
from common.telemetry import tracing
from common.telemetry.metrics import Metrics
from common.telemetry.telemetry import Telemetry
from common.web.app import build_app, openapi_of
from common.web.health import Check
from common.web.problems import STATUSES, status_of

PROBLEM_SCHEMA = "#/components/schemas/Problem"


class Body(BaseModel):
    size: int


def telemetry() -> Telemetry:
    return Telemetry("catalog", Metrics("catalog"), tracing.configure("catalog"))


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/things/{thing}")
    async def read(thing: str) -> dict[str, str | None]:
        return {"thing": thing, "trace": tracing.current_traceparent()}

    @router.post("/things")
    async def create(body: Body) -> Body:
        return body

    @router.patch("/bytes/{thing}")
    async def take(thing: str, request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    @router.get("/boom")
    async def boom() -> None:
        raise RuntimeError("secret text")

    @router.get("/fails/{name}")
    async def fail(name: str) -> None:
        kind = getattr(errors, name)
        raise kind("why", **({"retry_after": 7} if name == "Throttled" else {}))

    return router


def app(*checks: Check, streamed: tuple[str, ...] = ()) -> FastAPI:
    return build_app(
        service="catalog",
        version="1.2.3",
        routers=[routes()],
        checks=checks,
        telemetry=telemetry(),
        info={"sandbox": "bwrap"},
        streamed=streamed,
    )


def client(of: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(of), base_url="http://service")


async def test_a_process_tells_who_it_is() -> None:
    async with client(app()) as http:
        info = await http.get("/info")
        assert info.json() == {"service": "catalog", "version": "1.2.3", "sandbox": "bwrap"}
        for path in ("/livez", "/health", "/readyz", "/ready"):
            assert (await http.get(path)).status_code == 200
        metrics = await http.get("/metrics")
        assert "process_resident_memory_bytes" in metrics.text


async def fine() -> None:
    return None


async def broken() -> None:
    raise errors.Unavailable(code="database_unavailable")


async def hanging() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("probe", "required", "status", "reason"),
    [
        (fine, True, 200, None),
        (broken, True, 503, "database_unavailable"),
        (broken, False, 200, "database_unavailable"),
        (hanging, True, 503, "no answer within 0.05 s"),
    ],
)
async def test_readiness_is_that_of_the_required_checks(
    probe: Callable[[], Awaitable[None]],
    required: bool,
    status: int,
    reason: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("common.web.health.CHECK_TIMEOUT", 0.05)
    async with client(app(Check("part", probe, required))) as http:
        answer = await http.get("/readyz")
    assert answer.status_code == status
    part = answer.json()["checks"]["part"]
    assert part == {"ok": reason is None, "required": required} | (
        {"reason": reason} if reason else {}
    )


@pytest.mark.req("REL-08")
async def test_a_draining_process_says_so_and_closes_connections() -> None:
    service = app(Check("part", fine))
    service.state.health.draining = True
    async with client(service) as http:
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()) == (503, {"status": "draining"})
        assert (await http.get("/livez")).status_code == 200
        late = await http.get("/things/1")
    assert late.status_code == 200
    assert late.headers["connection"] == "close"


async def test_a_stuck_loop_makes_the_process_not_live() -> None:
    service = app()
    service.state.health.live["relay"] = lambda: "no progress for 130 s"
    async with client(service) as http:
        answer = await http.get("/livez")
    assert answer.status_code == 503
    assert answer.json()["loops"] == {"relay": "no progress for 130 s"}


@pytest.mark.parametrize("kind", STATUSES, ids=lambda kind: kind.__name__)
async def test_every_kind_of_error_has_its_answer(kind: type[errors.RepriseError]) -> None:
    async with client(app()) as http:
        answer = await http.get(f"/fails/{kind.__name__}")
    assert answer.status_code == STATUSES[kind]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    assert document["code"] == kind.default_code
    assert document["status"] == STATUSES[kind]
    assert document["detail"] == "why"
    assert ("retry-after" in answer.headers) == (kind in {errors.Throttled, errors.Unavailable})


def test_no_kind_of_error_was_forgotten() -> None:
    kinds = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.RepriseError)
    }
    assert kinds == set(STATUSES)


def test_a_subclass_answers_as_its_kind() -> None:
    class Missing(errors.NotFound):
        default_code = "asset_missing"

    assert status_of(Missing()) == 404


async def test_what_nobody_foresaw_is_told_without_its_text() -> None:
    async with client(app()) as http:
        answer = await http.get("/boom")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "secret text" not in answer.text


async def test_a_bad_body_names_its_fields_and_not_its_values() -> None:
    async with client(app()) as http:
        answer = await http.post("/things", json={"size": "canary"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"
    assert [item["field"] for item in answer.json()["fields"]] == ["body.size"]
    assert "canary" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nothing", 404, "not_found"), ("PUT", "/things", 405, "method_not_allowed")],
)
async def test_refusals_of_the_framework_look_alike(
    method: str, path: str, status: int, code: str
) -> None:
    async with client(app()) as http:
        answer = await http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def big(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65_536):
        yield b" " * 65_536


# what the framework reads whole before it looks at the caller, whatever the type says
@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/x+json", "text/plain", "application/offset+octet-stream", ""],
)
async def test_a_body_is_bounded_whether_declared_or_not(content_type: str) -> None:
    headers = {"content-type": content_type} if content_type else {}
    async with client(app()) as http:
        declared = await http.post("/things", content=b" " * 1_048_577, headers=headers)
        chunked = await http.post("/things", content=big(2_097_152), headers=headers)
    for answer in (declared, chunked):
        assert answer.status_code == 413
        assert answer.json()["code"] == "too_large"


async def test_a_stream_of_bytes_is_not_bounded_where_the_service_says_so() -> None:
    headers = {"content-type": "application/offset+octet-stream"}
    async with client(app(streamed=("/bytes/",))) as http:
        answer = await http.patch("/bytes/7", content=big(3 * 1_048_576), headers=headers)
        refused = await http.post("/things", content=big(2_097_152), headers=headers)
    assert answer.json() == 3 * 1_048_576
    assert refused.status_code == 413


async def test_a_slash_too_many_is_not_found_and_sends_nobody_elsewhere() -> None:
    async with client(app()) as http:
        answer = await http.get("/things/", headers={"host": "elsewhere.example"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "location" not in answer.headers


async def test_the_trace_goes_on_and_the_request_id_comes_back() -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with client(app()) as http:
        answer = await http.get(
            "/things/1",
            headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "x-request-id": "abc-12345"},
        )
        fresh = await http.get("/things/1", headers={"x-request-id": "not an id"})
    assert trace in answer.json()["trace"]
    assert answer.headers["x-request-id"] == "abc-12345"
    assert len(fresh.headers["x-request-id"]) == 32


async def test_metrics_know_routes_and_not_paths() -> None:
    async with client(app()) as http:
        await http.get("/things/canary-1")
        await http.get("/canary-2?t=canary-3")
        text = (await http.get("/metrics")).text
    assert 'route="/things/{thing}"' in text
    assert 'route="unmatched"' in text
    assert "canary" not in text


async def test_a_body_is_passed_on_while_it_comes() -> None:
    seen: list[dict[str, object]] = []
    first_part_seen = asyncio.Event()
    router = APIRouter()

    @router.get("/stream")
    async def stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"one"
            await first_part_seen.wait()  # a buffering layer would never let us past
            yield b"two"

        return StreamingResponse(pieces())

    service = build_app(
        service="x", version="1", routers=[router], checks=[], telemetry=telemetry()
    )

    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    async def send(message: dict[str, object]) -> None:
        seen.append(message)
        if message.get("body") == b"one":
            first_part_seen.set()

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/stream",
        "raw_path": b"/stream",
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("s", 80),
        "client": ("c", 1),
        "root_path": "",
    }
    async with asyncio.timeout(5):
        await service(scope, receive, send)  # type: ignore[arg-type]
    assert [message["body"] for message in seen[1:]] == [b"one", b"two", b""]


def test_the_schema_names_the_role_of_each_operation() -> None:
    document = openapi_of(app())
    assert document["paths"]["/things"]["post"]["x-role"] == "none"
    assert "/livez" not in document["paths"]
    json.dumps(document)


async def test_the_schema_tells_refusals_as_they_are_answered() -> None:
    service = app()
    document = openapi_of(service)
    refused = document["paths"]["/things"]["post"]["responses"]
    for status in ("422", "default"):
        (shape,) = refused[status]["content"].items()
        assert shape == ("application/problem+json", {"schema": {"$ref": PROBLEM_SCHEMA}})
    assert "ValidationError" not in json.dumps(document)
    async with client(service) as http:
        answer = await http.post("/things", json={})
    told = document["components"]["schemas"]["Problem"]
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(told["required"]) <= set(answer.json()) <= set(told["properties"])
