"""SIGTERM under load: what was accepted is answered well, the rest is handed over, the end is 0."""

import asyncio
import logging
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests.e2e.client import eventually, fetch, patch_headers
from tests.faults.behind_proxies.proxied_system import TUS, ProxiedSystem
from tests.faults.inside import sample
from tests.faults.tiny_media import tiny_jpeg, tiny_wav

from devstack import media
from devstack.history.of_stack import check_stack, wait_until_quiet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.long]

GRACE = 40.0  # seconds, from deploy/topology.yaml
_log = logging.getLogger(__name__)


@dataclass
class Load:
    """Requests to one service's own port, each on a connection of its own, until told to stop."""

    url: str
    headers: dict[str, str]
    answers: list[int] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator["Load"]:
        with ThreadPoolExecutor(2) as pool:
            for _ in range(2):
                pool.submit(self._ask)
            eventually(lambda: len(self.answers), lambda n: n > 5, within=20, saying="load")
            try:
                yield self
            finally:
                self._over.set()

    def _ask(self) -> None:
        while not self._over.is_set():
            try:
                self.answers.append(
                    httpx.get(self.url, headers=self.headers, timeout=20).status_code
                )
            except httpx.TransportError:
                time.sleep(0.02)  # nobody listens: it was not accepted


@contextmanager
def told_to_end(system: ProxiedSystem, name: str) -> Iterator[None]:
    """SIGTERM; the block is what goes on meanwhile. It ends with 0 in its grace, and comes back."""
    process, started = system.stack.supervised(name), time.monotonic()
    system.stack.kill(name, signal.SIGTERM)
    try:
        yield
        code = eventually(
            process.exit_code, lambda code: code is not None, within=GRACE, saying="it should end"
        )
        _log.info("%s ended after %.1f s", name, time.monotonic() - started)
        assert code == 0
    finally:
        system.proxied.heal()
        system.stack.start_process(name)


@pytest.mark.req("REL-06")
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("upload-gateway", "/api/v1/uploads?limit=5"),
        ("catalog", "/api/v1/admin/assets?limit=5"),
        ("delivery", "/api/v1/user/media/{asset_id}/url?tier=original"),
        ("janitor", "/api/v1/ops/purges?limit=5"),
    ],
)
def test_no_accepted_request_fails(system: ProxiedSystem, name: str, path: str) -> None:
    address = system.address(name)
    url = address + path.format(asset_id=system.kept.asset_id)
    load = Load(url, dict(system.client.caller.headers))
    with load.running(), told_to_end(system, name):
        pass
    assert set(load.answers) == {200}


@dataclass
class SlowPatch:
    """A PATCH whose body comes in the pieces and at the time the test wants."""

    system: ProxiedSystem
    path: str
    size: int

    def __post_init__(self) -> None:
        port = self.system.stack.port("upload-gateway")
        self.wire = socket.create_connection(("127.0.0.1", port), timeout=60)
        headers = {**self.system.client.caller.headers, **patch_headers(0)}
        headers |= {"Host": f"127.0.0.1:{port}", "Content-Length": str(self.size)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.wire.sendall(f"PATCH {self.path} HTTP/1.1\r\n{lines}\r\n".encode())

    def status(self) -> int:
        received = b""
        while b"\r\n\r\n" not in received and (piece := self.wire.recv(65536)):
            received += piece
        self.wire.close()
        return int(received.split()[1])


@pytest.mark.req("REL-06", "REL-08")
def test_uploads_in_flight_finish_or_are_saved_and_the_outbox_is_flushed(
    system: ProxiedSystem,
) -> None:
    data, begun = tiny_jpeg(), tiny_wav()
    client = system.client
    finishing = SlowPatch(system, system.created(len(data)), len(data))
    client_path = client.create(begun, "stuck.wav", "audio", "audio/wav")
    stuck = SlowPatch(system, httpx.URL(client_path).path, len(begun))
    finishing.wire.sendall(data[:300])
    stuck.wire.sendall(begun[:5000])
    eventually(
        lambda: sample(system.stack, "upload-gateway", "media_http_requests_in_flight"),
        lambda count: count >= 2,
        within=10,
        saying="both should be under way",
    )

    with told_to_end(system, "upload-gateway"):
        says_draining(system, "upload-gateway")
        finishing.wire.sendall(data[300:])
        assert finishing.status() == 204
        assert stuck.status() == 503
        eventually(
            system.stack.supervised("upload-gateway").exit_code,
            lambda code: code is not None,
            within=GRACE,
            saying="it should end",
        )
        assert unpublished(system, "upload_gateway") == 0

    head = client.ask("HEAD", client_path, headers=TUS)
    assert head.headers["upload-offset"] == "5000"
    client.send(client_path, begun)
    client.finished(client.stored(client_path, begun))


def says_draining(system: ProxiedSystem, name: str) -> None:
    """While requests are in flight, readiness tells why no more should come."""
    eventually(
        lambda: httpx.get(system.address(name) + "/readyz", timeout=10).json(),
        lambda body: body == {"status": "draining"},
        within=5,
        saying=f"{name} should say that it drains",
    )


def unpublished(system: ProxiedSystem, schema: str) -> int:
    """Rows of a service's outbox that Kafka has not got."""
    return counted(system, f"SELECT count(*) FROM {schema}.outbox WHERE published_at IS NULL")


def jobs_running(system: ProxiedSystem, schema: str) -> int:
    return counted(system, f"SELECT count(*) FROM {schema}.job WHERE state = 'running'")


def counted(system: ProxiedSystem, query: str) -> int:
    async def count() -> int:
        url = system.stack.env["REPRISE_POSTGRES_ADMIN_URL"]
        connection = await asyncpg.connect(url, timeout=5, command_timeout=10)
        try:
            return int(await connection.fetchval(query))
        finally:
            await connection.close()

    return asyncio.run(count())


@pytest.mark.req("REL-06", "REL-08")
def test_a_range_in_flight_is_delivered_whole(system: ProxiedSystem) -> None:
    url = system.client.link(system.kept)
    system.proxied.s3.delay(1.0)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(fetch, url, origin=system.address("delivery"), byte_range="0-999")
        eventually(
            lambda: sample(system.stack, "delivery", "media_http_requests_in_flight"),
            lambda count: count >= 1,
            within=10,
            saying="the range should be under way",
        )
        with told_to_end(system, "delivery"):
            says_draining(system, "delivery")
            answer = asked.result()
            assert answer.status_code == 206
            assert answer.content == system.kept.data[:1000]


@pytest.mark.req("REL-06")
def test_a_job_in_the_middle_is_handed_over(system: ProxiedSystem, tmp_path: Path) -> None:
    data = media.make_flac(tmp_path / "long.flac", seconds=120).read_bytes()
    sent = system.client.upload(data, "long.flac", "audio", "audio/flac")
    eventually(
        lambda: jobs_running(system, "transcoder"),
        lambda jobs: jobs >= 1,
        within=30,
        saying="a step should be under way",
    )
    with told_to_end(system, "transcoder"):
        pass
    system.client.finished(sent)


@pytest.mark.req("REL-06")
def test_a_purge_in_the_middle_is_handed_over(system: ProxiedSystem) -> None:
    sent = system.image()
    system.client.finished(sent)
    system.proxied.s3.delay(2.0)
    system.client.delete(sent)
    eventually(
        lambda: jobs_running(system, "janitor"),
        lambda jobs: jobs >= 1,
        within=30,
        saying="the purge should be under way",
    )
    with told_to_end(system, "janitor"):
        pass
    wait_until_quiet(system.stack)
    assert check_stack(system.stack, system.acks) == []
