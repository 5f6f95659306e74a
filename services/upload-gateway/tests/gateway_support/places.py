"""A database, a bucket and secrets of the gateway's own, on the servers of the test run."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
from pydantic import SecretStr

from common.clock import SystemClock
from common.ids import UserId, new_object_id
from common.postgres.migrate import migrate
from common.postgres.provision import provision
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.settings.groups import CallerSettings, S3Settings
from common.testing.buckets import store_settings
from common.web.callers import Role, make_token, user_id_for

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything is; `env` is what a gateway process is started with."""

    env: dict[str, str]
    s3: S3Settings
    callers: CallerSettings

    def token(self, subject: str = "admin@example.org", role: Role = "admin") -> str:
        return make_token(
            self.callers,
            subject=subject,
            role=role,
            now=SystemClock().now(),
            lifetime=timedelta(hours=1),
        )

    def user_id(self, subject: str = "admin@example.org") -> UserId:
        key = self.callers.installation_key.get_secret_value().encode()
        return user_id_for(key, self.callers.jwt_issuer, subject)

    async def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the gateway's own schema."""
        connection = await asyncpg.connect(
            self.env["REPRISE_POSTGRES_URL"], timeout=10, command_timeout=10
        )
        try:
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

    async def objects(self, prefix: str = "") -> dict[str, int]:
        """Keys and sizes in the bucket."""
        async with open_s3(self.s3) as client:
            store = ObjectStore(client, self.s3.bucket)
            return {item.key: item.size async for item in store.list(prefix)}

    async def content(self, key: str) -> bytes:
        async with open_s3(self.s3) as client:
            return await ObjectStore(client, self.s3.bucket).get(key)

    async def digest(self, key: str) -> str:
        """The sha256 of an object of any size."""
        digest = hashlib.sha256()
        async with open_s3(self.s3) as client:
            stream = ObjectStore(client, self.s3.bucket).stream(key, chunk=MIB)
            async with aclosing(stream) as pieces:
                async for piece in pieces:
                    digest.update(piece)
        return digest.hexdigest()

    async def multiparts(self, prefix: str = "") -> list[str]:
        """Keys of open multiparts."""
        async with open_s3(self.s3) as client:
            store = ObjectStore(client, self.s3.bucket)
            return [item.key async for item in store.list_multiparts(prefix)]


def make_places(operator: Mapping[str, str]) -> Places:
    """Make them; `operator` is what a test run's `infra.env` says."""
    name = new_object_id()
    admin = operator["REPRISE_POSTGRES_ADMIN_URL"]
    host = admin.rsplit("@", 1)[1].split("/", 1)[0]
    url = f"postgresql://gateway_{name}:{new_object_id()}@{host}/gateway_{name}"
    s3 = store_settings(operator, f"gateway-{name}")
    callers = CallerSettings(
        jwt_secret=SecretStr("tests only, tests only, tests only"),
        installation_key=SecretStr("tests only, tests only, tests only"),
    )
    asyncio.run(_furnish(admin, url, s3))
    return Places(_environment(operator, url, s3, callers), s3, callers)


async def _furnish(admin: str, url: str, s3: S3Settings) -> None:
    await provision(admin, {"upload-gateway": url})
    await migrate(url, "upload_gateway")
    async with open_s3(s3) as client:
        await client.create_bucket(Bucket=s3.bucket)


def _environment(
    operator: Mapping[str, str], url: str, s3: S3Settings, callers: CallerSettings
) -> dict[str, str]:
    assert callers.jwt_secret is not None
    return {
        "REPRISE_HTTP_HOST": "127.0.0.1",
        "REPRISE_POSTGRES_URL": url,
        "REPRISE_KAFKA_BOOTSTRAP": operator["REPRISE_KAFKA_BOOTSTRAP"],
        "REPRISE_JWT_SECRET": callers.jwt_secret.get_secret_value(),
        "REPRISE_INSTALLATION_KEY": callers.installation_key.get_secret_value(),
        "REPRISE_RECEIPT_SECRET": "k1:tests-only-tests-only-tests-only",
        "MEDIA_S3_ENDPOINT": s3.endpoint,
        "MEDIA_S3_REGION": s3.region,
        "MEDIA_S3_ACCESS_KEY_ID": s3.access_key_id,
        "MEDIA_S3_SECRET_ACCESS_KEY": s3.secret_access_key.get_secret_value(),
        "MEDIA_ASSETS_BUCKET": s3.bucket,
        "REPRISE_UPLOAD_PART_SIZE": str(5 * MIB),
        "REPRISE_UPLOAD_VERIFY_LEASE": "1",
        # one person of these tests does in a minute what others do in weeks
        "MAX_CONCURRENT_UPLOADS": "1000",
        "REPRISE_UPLOAD_REQUESTS_PER_MINUTE": "0",
        # the relay's id belongs to the stack's own gateway
        "REPRISE_ROLES": "http,workers",
    }
