"""The janitor's tables, bucket and topics, fresh for each test that asks."""

from collections.abc import AsyncIterator

import pytest

from common.clock import SystemClock
from common.jobs.queue import JobQueue
from common.postgres.engine import Database
from common.s3.objects import ObjectStore
from common.settings.groups import KafkaSettings, S3Settings
from common.testing.buckets import open_bucket, store_settings
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
    return store_settings(infra.environment("setup"), "janitor-objects")


@pytest.fixture
async def store(s3_settings: S3Settings) -> AsyncIterator[ObjectStore]:
    async with open_bucket(s3_settings) as opened:
        yield opened
