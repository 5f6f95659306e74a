"""A bucket of a test's own on the real store."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from pydantic import SecretStr

from common.s3.bucket import ensure_bucket
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.settings.groups import S3Settings


def store_settings(environment: Mapping[str, str], bucket: str) -> S3Settings:
    """The store that the variables of a process name, with another bucket."""
    return S3Settings(
        endpoint=environment["MEDIA_S3_ENDPOINT"],
        access_key_id=environment["MEDIA_S3_ACCESS_KEY_ID"],
        secret_access_key=SecretStr(environment["MEDIA_S3_SECRET_ACCESS_KEY"]),
        bucket=bucket,
    )


@asynccontextmanager
async def open_bucket(settings: S3Settings) -> AsyncIterator[ObjectStore]:
    """The bucket, made unless it is there. It stays: tests that share one use keys of their own."""
    async with open_s3(settings) as client:
        await ensure_bucket(client, settings.bucket, settings.region)
        yield ObjectStore(client, settings.bucket)
