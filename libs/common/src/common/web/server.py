"""Runs one service process from settings to exit code, with a drain in between."""

import asyncio
import signal
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import uvicorn
import uvloop
from fastapi import FastAPI
from typing_extensions import override

from common import failpoints
from common.clock import SystemClock
from common.errors import Invalid
from common.settings.groups import HttpSettings, ProcessSettings, TelemetrySettings
from common.settings.reading import load
from common.telemetry import logs
from common.telemetry.telemetry import Telemetry, open_telemetry
from common.web.health import Health
from common.web.loops import Loop, run_until_stopped, supervise

LOOP_GRACE = 12.0  # seconds for loops to come home once requests are done
# the relay publishes what requests, consumers and workers have left, so it ends after them
LAST, LAST_GRACE = frozenset({"relay"}), 3.0  # seconds
_POLL = 0.05  # seconds between looks at requests in flight
_logger = logs.get_logger("server")


class ServiceSettings(Protocol):
    """What `run_service` reads of a service's settings; each service adds its own groups."""

    @property
    def http(self) -> HttpSettings: ...
    @property
    def process(self) -> ProcessSettings: ...
    @property
    def telemetry(self) -> TelemetrySettings: ...


S = TypeVar("S", bound=ServiceSettings)


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """What `bootstrap` built: the app and the loops that run beside it until their event is set."""

    app: FastAPI
    loops: Mapping[str, Loop] = field(default_factory=dict)

    @property
    def health(self) -> Health:
        """The health that `build_app` made."""
        health: Health = self.app.state.health
        return health


Bootstrap = Callable[[S, Telemetry], AbstractAsyncContextManager[ServiceProcess]]


def run_service(service: str, bootstrap: Bootstrap[S], settings_class: type[S]) -> None:
    """Load settings, start, serve, drain, stop; exits with 1 or 2 unless the stop was clean."""
    settings = load(settings_class)
    telemetry = open_telemetry(service, settings.telemetry)
    _activate_failpoints(settings)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(bootstrap, settings, telemetry))
    except Exception:
        # through the log, not the interpreter: a traceback may hold an address with a password
        _logger.exception("service.failed")
        raise SystemExit(1) from None


def _activate_failpoints(settings: ServiceSettings) -> None:
    wanted = settings.process.failpoints
    if not wanted:
        return
    if settings.telemetry.profile == "production":
        raise SystemExit(
            "settings: REPRISE_FAILPOINTS is for tests; REPRISE_PROFILE is production."
        )
    try:
        failpoints.activate(wanted)
    except Invalid as error:
        raise SystemExit(f"settings: REPRISE_FAILPOINTS is wrong: {error}") from None
    _logger.warning("failpoints.active", failpoints=wanted)


async def _run(bootstrap: Bootstrap[S], settings: S, telemetry: Telemetry) -> None:
    terminated = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, terminated.set)
    async with bootstrap(settings, telemetry) as process:
        await serve(process, settings.http, telemetry, terminated)
    _logger.info("service.stopped", service=telemetry.service)


async def serve(
    process: ServiceProcess, http: HttpSettings, telemetry: Telemetry, terminated: asyncio.Event
) -> None:
    """Answer requests and run loops until `terminated`; then drain requests, then stop loops."""
    stop_loops = asyncio.Event()
    loops = supervise(process.loops, telemetry.metrics)
    process.health.live.update({loop.name: loop.trouble for loop in loops})
    server = _Server(_config(process.app, http))
    async with asyncio.TaskGroup() as group:
        group.create_task(
            run_until_stopped(loops, stop_loops, grace=LOOP_GRACE, last=LAST, last_grace=LAST_GRACE)
        )
        serving = group.create_task(server.serve())
        leaving = group.create_task(terminated.wait())
        await asyncio.wait({serving, leaving}, return_when=asyncio.FIRST_COMPLETED)
        process.health.draining = True
        _logger.info("service.draining", in_flight=process.health.in_flight)
        await _drained(process.health, serving, http.drain_seconds)
        server.should_exit = True
        await serving
        stop_loops.set()
        leaving.cancel()


async def _drained(health: Health, serving: asyncio.Task[None], seconds: float) -> None:
    clock = SystemClock()
    until = clock.monotonic() + seconds
    while health.in_flight and not serving.done() and clock.monotonic() < until:
        await asyncio.wait({serving}, timeout=_POLL)


def _config(app: FastAPI, http: HttpSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=http.host,
        port=http.port,
        http="httptools",
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,  # longer than the edge keeps its side of a connection
        timeout_graceful_shutdown=2,
        backlog=2048,
    )


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: when to stop is decided above."""

    @override
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
