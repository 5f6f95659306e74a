"""A dependency accepts and says nothing: every route answers in time, and all heals by itself."""

import logging
import operator
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from tests.e2e.client import eventually
from tests.faults.behind_proxies.http_routes import Call, Route, routes
from tests.faults.behind_proxies.proxied_system import SERVICES, ProxiedSystem
from tests.faults.inside import weight

from common.clock import SystemClock

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.long]

# Seconds until a route must have answered; what it needs is silent since just before. Getting a
# connection takes at most 8 s and 2 s more to leave a silent one (a statement under way 11 and
# 2); the store may be silent for 8 s. The rest is for a machine that has other things to do.
NEEDING = {"postgres": 15.0, "s3": 10.0, "kafka": 5.0}
NOT_NEEDING = 5.0
HEALTH = 5.0  # a check that hangs is given 2 s
FORM = 15.0  # waits for the store twice: for its file, and to give up what it began of it
# Seconds from the end of the silence until uploads, reads, events and serving have all succeeded
RECOVERY = {"postgres": 20.0, "s3": 20.0, "kafka": 40.0}
GROWTH = 24.0  # MiB
FILES = 12  # descriptors a process may have more than before: a pool that has filled

_log = logging.getLogger(__name__)

_NO_DATABASE = {
    Route("upload-gateway", "options", "/files/"),
    Route("upload-gateway", "options", "/files/{upload_id}"),
}
# read to its end, it answers each file alone
_FORM = Route("upload-gateway", "post", "/api/v1/admin/images/upload")
_STORE = {
    Route("upload-gateway", "patch", "/files/{upload_id}"),
    Route("upload-gateway", "post", "/api/v1/media/parts"),  # the first opens the multipart
    Route("upload-gateway", "post", "/api/v1/media/commit"),
    _FORM,
    Route("delivery", "get", "/m/{key}"),
}
# what the store was found to do is remembered for a moment
_REMEMBERED = {Route("upload-gateway", "get", "/api/v1/uploads/config")}
_READY_NEEDS = {"postgres": {"upload-gateway", "catalog", "transcoder", "janitor"}}


def needs(route: Route, dependency: str) -> bool:
    """Whether it cannot do its work without; a new route of a service with tables needs them."""
    if route.path == "/readyz":
        return route.service in _READY_NEEDS.get(dependency, set())
    if route.path in {"/livez", "/metrics", "/info"}:
        return False
    if dependency == "postgres":
        return route.service != "delivery" and route not in _NO_DATABASE
    return dependency == "s3" and route in _STORE


def limit_of(route: Route, dependency: str) -> float:
    if route.path in {"/livez", "/readyz", "/metrics", "/info"}:
        return HEALTH
    if route == _FORM:
        return FORM
    return NEEDING[dependency] if needs(route, dependency) else NOT_NEEDING


@dataclass(frozen=True)
class Answered:
    """What came, and after how many seconds."""

    route: Route
    response: httpx.Response
    seconds: float

    def complaint(self, dependency: str) -> str | None:
        """What is wrong with it while the dependency is silent, if anything."""
        status = self.response.status_code
        if self.seconds > limit_of(self.route, dependency):
            return f"{self.route}: {self.seconds:.1f} s"
        if not needs(self.route, dependency):
            return f"{self.route}: {status} {self.response.text}" if status >= 400 else None
        return None if self._says_why() else f"{self.route}: {status} {self.response.text}"

    def _says_why(self) -> bool:
        if self.route in _REMEMBERED and self.response.status_code == 200:
            return True
        if self.route == _FORM and self.response.status_code == 200:
            files = self.response.json()["files"]
            return all(file["problem"] and file["problem"]["status"] == 503 for file in files)
        if self.response.status_code != 503:
            return False
        if self.route.path == "/readyz":
            return True
        headers = self.response.headers
        told = headers["content-type"] == "application/problem+json" and headers["retry-after"]
        return bool(told) and (self.route.verb == "head" or bool(self.response.json()["code"]))


def ask(system: ProxiedSystem, route: Route, call: Call) -> Answered:
    clock, url = SystemClock(), system.address(route.service) + call.path
    started = clock.monotonic()
    with httpx.stream(
        route.verb,
        url,
        headers=dict(call.headers),
        params=dict(call.params) or None,
        json=call.json,
        content=call.content,
        timeout=60,
    ) as response:
        if not call.endless or response.is_error:
            response.read()
    return Answered(route, response, clock.monotonic() - started)


def ask_all(system: ProxiedSystem, calls: Mapping[Route, Call]) -> list[Answered]:
    """Side by side, as from many clients."""
    with ThreadPoolExecutor(8) as pool:
        pending = [pool.submit(ask, system, route, call) for route, call in calls.items()]
        return [one.result() for one in pending]


@pytest.mark.req("REL-07")
@pytest.mark.parametrize("dependency", ["postgres", "s3", "kafka"])
def test_every_route_answers_in_time_while_a_dependency_hangs_and_all_heals_by_itself(
    system: ProxiedSystem, dependency: str
) -> None:
    before = footprint(system)
    rounds = [{route: system.call_of(route) for route in routes()} for _ in range(2)]
    healthy = [one for one in ask_all(system, rounds[0]) if one.response.status_code >= 400]
    assert healthy == [], [f"{one.route}: {one.response.text}" for one in healthy]
    rounds[0] = {route: system.call_of(route) for route in routes()}

    system.proxied.proxies[dependency].blackhole()
    for calls in rounds:  # first connections that went silent, then new ones
        answers = ask_all(system, calls)
        complaints = [one.complaint(dependency) for one in answers]
        assert [one for one in complaints if one] == []
        slowest = max(answers, key=lambda one: one.seconds)
        _log.info("%s silent: slowest %s %.1f s", dependency, slowest.route, slowest.seconds)
    system.proxied.heal()

    seconds = until_all_is_well(system)
    _log.info("%s: all well %.1f s after the silence", dependency, seconds)
    assert seconds < RECOVERY[dependency]
    leaks_nothing(system, before)


def until_all_is_well(system: ProxiedSystem) -> float:
    """Uploads go on, relays publish, consumers consume, delivery serves: the seconds it took."""
    started = time.monotonic()
    sent = system.image()
    system.client.finished(sent)
    system.client.unchanged(sent)
    system.all_ready(within=5)
    return time.monotonic() - started


def footprint(system: ProxiedSystem) -> dict[str, tuple[float, int]]:
    """MiB and open descriptors of each process."""
    return {name: (weight(system.stack, name), _files(system, name)) for name in SERVICES}


def leaks_nothing(system: ProxiedSystem, before: Mapping[str, tuple[float, int]]) -> None:
    for name, (mebibytes, files) in before.items():
        eventually(
            partial(_files, system, name),
            partial(operator.ge, files + FILES),
            within=30,
            saying=f"{name} should close what went silent",
        )
        assert weight(system.stack, name) < mebibytes + GROWTH


def _files(system: ProxiedSystem, name: str) -> int:
    running = system.stack.supervised(name).running()
    assert running is not None
    return sum(1 for _ in Path(f"/proc/{running.pid}/fd").iterdir())
