import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter

from upload_gateway.domain.errors import BytesInFlightExceeded, OverLimit, TooManyUploads
from upload_gateway.routes import statuses


def app(status: int, registry: CollectorRegistry) -> FastAPI:
    built = FastAPI()
    statuses.install(built, status, Counter("refused", "", ["limit"], registry=registry))

    @built.get("/busy")
    async def busy() -> None:
        raise TooManyUploads("concurrent_uploads", "per_user", 3, 5)

    @built.get("/large")
    async def large() -> None:
        raise OverLimit(10, "avatar")

    @built.get("/full")
    async def full() -> None:
        raise BytesInFlightExceeded("open_bytes", "total", 100, 60)

    @built.get("/never")
    async def never() -> None:
        raise BytesInFlightExceeded("open_bytes", "total", 100, None)

    return built


@pytest.mark.parametrize("status", [429, 503])
async def test_a_limit_is_answered_with_the_status_that_clients_know_and_counted(
    status: int,
) -> None:
    registry = CollectorRegistry()
    transport = httpx.ASGITransport(app=app(status, registry))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        busy, large = await client.get("/busy"), await client.get("/large")
    assert (busy.status_code, busy.headers["retry-after"]) == (status, "5")
    assert busy.json()["status"] == status
    assert busy.json()["limit"] == "concurrent_uploads_per_user"
    assert (large.status_code, large.json()["allowed"], large.json()["kind"]) == (413, 10, "avatar")
    counted = {"concurrent_uploads_per_user", "file_size"}
    for limit in counted:
        assert registry.get_sample_value("refused_total", {"limit": limit}) == 1


async def test_what_may_fit_later_is_told_when_and_what_never_will_is_not() -> None:
    transport = httpx.ASGITransport(app=app(429, CollectorRegistry()))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        full, never = await client.get("/full"), await client.get("/never")
    assert (full.status_code, full.headers["retry-after"]) == (413, "60")
    assert (never.status_code, "retry-after" in never.headers) == (413, False)
