"""The store hangs: uploads are refused at once after a few, no other route feels it, it ends."""

import logging
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.e2e.client import eventually, patch_headers
from tests.faults.behind_proxies.proxied_system import ProxiedSystem

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.long]

FAILURES = 8  # in a row, after which the store is not asked
MEANWHILE = 20  # uploads that come while it is not asked
PROBES = 4  # calls that may find out meanwhile: one each 5 s, and what other services ask
SAMPLES = 100  # of each unrelated route
QUICK = 2.0  # seconds for a refusal that asks nobody, on a busy machine
_log = logging.getLogger(__name__)


@pytest.mark.req("REL-02")
def test_uploads_are_refused_at_once_and_no_other_route_feels_that_the_store_hangs(
    system: ProxiedSystem,
) -> None:
    locations = [system.created(1000) for _ in range(FAILURES + MEANWHILE + 1)]
    gateway = httpx.Client(base_url=system.address("upload-gateway"), timeout=60)
    with gateway, ThreadPoolExecutor(FAILURES + 1) as pool:

        def send(location: str) -> httpx.Response:
            headers = {**system.client.caller.headers, **patch_headers(0)}
            return gateway.patch(location, headers=headers, content=b"x" * 1000)

        healthy = unrelated(system)
        system.proxied.s3.blackhole()
        waiting = [pool.submit(send, location) for location in locations[:FAILURES]]
        hanging = unrelated(system)
        assert {one.result().status_code for one in waiting} == {503}

        asked = system.proxied.s3.traffic.connections
        refusals = [timed(send, location) for location in locations[FAILURES:-1]]
        opened = unrelated(system)
        assert {answer.status_code for answer, _ in refusals} == {503}
        assert {answer.json()["code"] for answer, _ in refusals} == {"storage_unavailable"}
        assert all(1 <= int(answer.headers["retry-after"]) <= 30 for answer, _ in refusals)
        assert statistics.median(seconds for _, seconds in refusals) < QUICK
        assert system.proxied.s3.traffic.connections - asked <= PROBES

        system.proxied.heal()
        eventually(
            lambda: send(locations[-1]).status_code,
            lambda status: status == 204,
            within=30,
            saying="one call should find out that the store is back",
        )
        assert {send(location).status_code for location in locations[:-1]} == {204}

    _log.info("p99 of unrelated routes: %.3f, %.3f, %.3f s", healthy, hanging, opened)
    # generous: what is looked for is a wait for the store, which is seconds
    assert max(hanging, opened) < max(5 * healthy, 1.5)


def unrelated(system: ProxiedSystem) -> float:
    """The 99th percentile of routes that do not need the store; all of them succeed."""
    bearer, kept = system.client.caller.headers, system.kept
    routes = [
        ("upload-gateway", "/api/v1/uploads?limit=5"),
        ("upload-gateway", f"/api/v1/uploads/{kept.upload_id}"),
        ("catalog", "/api/v1/admin/assets?limit=5"),
        ("delivery", f"/api/v1/user/media/{kept.asset_id}/url?tier=original"),
    ]
    taken: list[float] = []
    with httpx.Client(headers=bearer, timeout=30) as caller:
        for service, path in routes * (SAMPLES // len(routes)):
            answer, seconds = timed(caller.get, system.address(service) + path)
            assert answer.status_code == 200, answer.text
            taken.append(seconds)
    return statistics.quantiles(taken, n=100)[-1]


def timed(call: Callable[[str], httpx.Response], argument: str) -> tuple[httpx.Response, float]:
    started = time.monotonic()
    return call(argument), time.monotonic() - started
