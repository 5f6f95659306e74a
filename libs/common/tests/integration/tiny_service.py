"""A service small enough to be killed in a test; settings from the environment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import StreamingResponse

from common.settings.groups import Group, HttpSettings, ProcessSettings, TelemetrySettings
from common.telemetry import liveness, logs
from common.telemetry.telemetry import Telemetry
from common.web.app import build_app
from common.web.server import ServiceProcess, run_service

LOGGER = logs.get_logger("tiny")


class TinyOptions(Group):
    broken: bool = Field(False, validation_alias="REPRISE_TINY_BROKEN", description="Fail.")


@dataclass(frozen=True, slots=True)
class TinySettings:
    http: HttpSettings
    process: ProcessSettings
    telemetry: TelemetrySettings
    tiny: TinyOptions


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/slow/{seconds}")
    async def slow(seconds: float) -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"begun "
            await asyncio.sleep(seconds)
            yield b"done"

        return StreamingResponse(pieces())

    return router


async def steady(stop: asyncio.Event) -> None:
    LOGGER.info("steady.started")
    while not stop.is_set():
        liveness.beat()
        await asyncio.wait([asyncio.ensure_future(stop.wait())], timeout=0.05)
    LOGGER.info("steady.stopped")


async def crashing(stop: asyncio.Event) -> None:
    raise RuntimeError("Authorization: Bearer canary-token")


@asynccontextmanager
async def bootstrap(settings: TinySettings, telemetry: Telemetry) -> AsyncIterator[ServiceProcess]:
    app = build_app(service="tiny", version="1", routers=[routes()], checks=[], telemetry=telemetry)
    if settings.tiny.broken:
        raise RuntimeError("cannot reach postgresql://role:canary@db/reprise")
    yield ServiceProcess(app, {"steady": steady, "crashing": crashing})
    LOGGER.info("tiny.closed")


if __name__ == "__main__":
    run_service("tiny", bootstrap, TinySettings)
