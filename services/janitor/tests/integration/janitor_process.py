"""The janitor as a process of its own, to be killed."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from common.settings.groups import S3Settings

KILLED = 137
DEADLINE = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class JanitorProcess:
    """How to start one, with the roles that need no topics: it disturbs no other janitor."""

    url: str
    s3: S3Settings
    kafka_bootstrap: str
    port: int
    log: Path

    @contextlib.asynccontextmanager
    async def running(self, **extra: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Runs until the block ends; `extra` is added to its environment."""
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "janitor.main",
                env={**self._environment(), **extra},
                stdout=log,
                stderr=log,
            )
            try:
                yield process
            finally:
                if process.returncode is None:
                    process.terminate()
                async with asyncio.timeout(DEADLINE):
                    await process.wait()

    def _environment(self) -> Mapping[str, str]:
        return {
            "PATH": os.defpath,
            "REPRISE_ROLES": "http,workers",
            "REPRISE_HTTP_PORT": str(self.port),
            "REPRISE_KAFKA_BOOTSTRAP": self.kafka_bootstrap,
            "REPRISE_POSTGRES_URL": self.url,
            "REPRISE_PURGE_LEASE": "1",
            "MEDIA_S3_ENDPOINT": self.s3.endpoint,
            "MEDIA_S3_ACCESS_KEY_ID": self.s3.access_key_id,
            "MEDIA_S3_SECRET_ACCESS_KEY": self.s3.secret_access_key.get_secret_value(),
            "MEDIA_ASSETS_BUCKET": self.s3.bucket,
        }
