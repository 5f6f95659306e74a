"""A real process with a real port: how it starts, drains on SIGTERM and ends."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.testing.ports import free_port
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

TINY = Path(__file__).with_name("tiny_service.py")


class Tiny:
    """The process and where it listens."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"

    async def ended(self) -> tuple[int, list[dict[str, Any]]]:
        async with asyncio.timeout(20):
            out, _ = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, [json.loads(line) for line in out.splitlines()]


async def launch(**environment: str) -> Tiny:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(TINY),
        env={"REPRISE_HTTP_PORT": str(port), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    return Tiny(process, port)


async def until_ready(tiny: Tiny) -> None:
    async with httpx.AsyncClient() as http:

        async def ready() -> bool:
            try:
                return (await http.get(tiny.url + "/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(ready, timeout=15)


@pytest.fixture
async def tiny() -> AsyncIterator[Tiny]:
    running = await launch()
    await until_ready(running)
    yield running
    if running.process.returncode is None:
        running.process.kill()
        await running.process.wait()


async def until_draining(http: httpx.AsyncClient, tiny: Tiny) -> httpx.Response:
    async with asyncio.timeout(5):
        while True:
            answer = await http.get(tiny.url + "/readyz")
            if answer.status_code == 503:
                return answer


@pytest.mark.req("REL-08")
async def test_sigterm_lets_requests_finish_while_readiness_says_draining(tiny: Tiny) -> None:
    async with (
        httpx.AsyncClient(timeout=20) as http,
        http.stream("GET", tiny.url + "/slow/1") as slow,
    ):
        pieces = slow.aiter_bytes()
        assert await anext(pieces) == b"begun "
        tiny.process.send_signal(signal.SIGTERM)
        draining = await until_draining(http, tiny)
        assert draining.json() == {"status": "draining"}
        assert await anext(pieces) == b"done"
    code, lines = await tiny.ended()
    assert code == 0
    events = [line["event"] for line in lines]
    order = ["service.draining", "steady.stopped", "tiny.closed", "service.stopped"]
    assert [event for event in events if event in order] == order


async def test_a_crashing_loop_is_logged_counted_and_does_not_end_the_process(tiny: Tiny) -> None:
    async with httpx.AsyncClient() as http:
        async with asyncio.timeout(10):
            while 'media_loop_crashes_total{loop="crashing"} 2' not in (
                metrics := (await http.get(tiny.url + "/metrics")).text
            ):
                assert "canary" not in metrics
        assert (await http.get(tiny.url + "/livez")).status_code == 200
    tiny.process.send_signal(signal.SIGINT)
    code, lines = await tiny.ended()
    assert code == 0
    crashes = [line for line in lines if line["event"] == "loop.crashed"]
    assert {"loop": "crashing", "level": "error"}.items() <= crashes[0].items()
    assert "RuntimeError" in crashes[0]["exception"]
    assert "canary" not in json.dumps(lines)


async def test_access_lines_have_no_query(tiny: Tiny) -> None:
    async with httpx.AsyncClient() as http:
        await http.get(tiny.url + "/slow/0?t=canary", headers={"authorization": "Bearer canary"})
        await http.get(tiny.url + "/files/canary")
    tiny.process.send_signal(signal.SIGTERM)
    _, lines = await tiny.ended()
    requests = [line for line in lines if line["event"] == "http.request"]
    # a line is written after its answer: the next request's may stand before it
    by_path = {line["path"]: line for line in requests}
    slow = by_path["/slow/0"]
    assert {"method": "GET", "status": 200}.items() <= slow.items()
    assert len(slow["trace_id"]) == 32
    assert "/files/[scrubbed]" in by_path
    assert "canary" not in json.dumps(lines)


async def test_bad_settings_end_the_start_with_sentences() -> None:
    broken = await launch(REPRISE_ROLES="http,cook", REPRISE_HTTP_DRAIN_SECONDS="soon")
    _, err = await broken.process.communicate()
    assert broken.process.returncode == 2
    assert [line.split(" is wrong")[0] for line in err.decode().splitlines()] == [
        "settings: REPRISE_HTTP_DRAIN_SECONDS",
        "settings: REPRISE_ROLES",
    ]


async def test_a_start_that_fails_is_a_line_like_any_other() -> None:
    broken = await launch(REPRISE_TINY_BROKEN="true")
    out, err = await broken.process.communicate()
    assert (broken.process.returncode, err) == (1, b"")
    line = json.loads(out.splitlines()[-1])
    assert line["event"] == "service.failed"
    assert "RuntimeError" in line["exception"]
    assert "canary" not in out.decode()


async def test_failpoints_are_refused_in_production() -> None:
    careless = await launch(
        REPRISE_PROFILE="production", REPRISE_FAILPOINTS="relay.after_fetch=exit"
    )
    _, err = await careless.process.communicate()
    assert careless.process.returncode == 1
    assert b"REPRISE_FAILPOINTS is for tests" in err


async def test_a_port_in_use_ends_the_start() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        second = await launch(REPRISE_HTTP_PORT=str(taken.getsockname()[1]))
        code, lines = await second.ended()
    assert code != 0
    assert any("address" in line["event"].lower() for line in lines)
