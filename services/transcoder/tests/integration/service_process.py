"""The transcoder as operators run it: its own process with its own environment."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from services.transcoder.tests.integration.real_world import RealWorld

from common.testing.waiting import eventually
from devstack.ports import FreePorts


@dataclass(frozen=True)
class ServiceProcess:
    """A running one; `process.pid` leads its group."""

    process: asyncio.subprocess.Process
    url: str
    log: Path

    async def ready(self) -> None:
        """Raises with the log when it ends instead."""
        await eventually(self._ready, timeout=30)

    async def _ready(self) -> bool:
        assert self.process.returncode is None, self.log.read_text()[-3000:]
        try:
            return (await self.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=5) as client:
            return await client.get(f"{self.url}{path}")

    async def kill(self) -> None:
        """As the kernel would: no chance to clean up."""
        self.process.kill()
        await self.process.wait()


def environment(world: RealWorld, port: int, scratch: Path) -> dict[str, str]:
    """What the topology gives, for workers that need no broker."""
    return {
        "PATH": os.defpath,
        "REPRISE_ROLES": "http,workers",
        "REPRISE_HTTP_PORT": str(port),
        "REPRISE_KAFKA_BOOTSTRAP": "127.0.0.1:9",
        "REPRISE_POSTGRES_URL": world.url,
        "MEDIA_S3_ENDPOINT": world.s3.endpoint,
        "MEDIA_S3_ACCESS_KEY_ID": world.s3.access_key_id,
        "MEDIA_S3_SECRET_ACCESS_KEY": world.s3.secret_access_key.get_secret_value(),
        "MEDIA_ASSETS_BUCKET": world.s3.bucket,
        "REPRISE_SCRATCH_DIR": str(scratch),
        "REPRISE_TRANSCODER_LEASE": "2",
        "REPRISE_TRANSCODER_WORKERS": "2",
    }


@asynccontextmanager
async def service(
    world: RealWorld, scratch: Path, more: Mapping[str, str] | None = None
) -> AsyncIterator[ServiceProcess]:
    """Started, not waited for; killed at the end if it still runs."""
    ports = FreePorts([0])
    log = scratch.parent / f"service-{ports.base}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "transcoder.main"),
            env=environment(world, ports.base, scratch) | dict(more or {}),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield ServiceProcess(process, f"http://127.0.0.1:{ports.base}", log)
    finally:
        ports.release()
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()
