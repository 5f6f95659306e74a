"""The janitor's tables, bucket and topics, fresh for each test that asks."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from common.clock import SystemClock
from common.jobs.queue import JobQueue
from common.postgres.engine import Database
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.settings import KafkaSettings, S3Settings
from common.testing.postgres import scratch_schema
from devstack.stack import Stack
from janitor.adapters.postgres_unit_of_work import PostgresUnitOfWork


@pytest.fixture
def kafka(infra: Stack) -> KafkaSettings:
    return KafkaSettings(bootstrap=infra.environment("setup")["REPRISE_KAFKA_BOOTSTRAP"])


@pytest.fixture
def admin_url(infra: Stack) -> str:
    return infra.environment("setup")["REPRISE_POSTGRES_ADMIN_URL"]


@pytest.fixture
async def database(admin_url: str) -> AsyncIterator[Database]:
    async with scratch_schema(admin_url, "janitor") as made:
        yield made


@pytest.fixture
def queue(database: Database) -> JobQueue:
    return JobQueue(database)


@pytest.fixture
def unit_of_work(database: Database, queue: JobQueue) -> PostgresUnitOfWork:
    return PostgresUnitOfWork(database, queue, SystemClock())


@pytest.fixture
def s3_settings(infra: Stack) -> S3Settings:
    environment = infra.environment("setup")
    return S3Settings(
        endpoint=environment["MEDIA_S3_ENDPOINT"],
        access_key_id=environment["MEDIA_S3_ACCESS_KEY_ID"],
        secret_access_key=SecretStr(environment["MEDIA_S3_SECRET_ACCESS_KEY"]),
        bucket="janitor-objects",
    )


@pytest.fixture
async def store(s3_settings: S3Settings) -> AsyncIterator[ObjectStore]:
    async with open_s3(s3_settings) as client:
        with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
            await client.create_bucket(Bucket=s3_settings.bucket)
        yield ObjectStore(client, s3_settings.bucket)
