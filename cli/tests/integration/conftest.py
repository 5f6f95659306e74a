"""Schemas of the four services for these tests alone, and an operator who reaches them."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
from cli.tests.integration.operating import Operator

from common.events.topics import CATALOG, JANITOR, TRANSCODER, UPLOAD_GATEWAY
from common.kafka.topics import apply
from common.postgres.provision import schema_of
from common.settings.groups import KafkaSettings
from common.testing.postgres import service_database
from devstack.stack import Stack
from devstack.stack_for_tests import infrastructure_for_tests

SERVICES = (UPLOAD_GATEWAY, CATALOG, TRANSCODER, JANITOR)
TABLES = ("parked", "fuse", "dead_letter", "operator_action")


@pytest.fixture(scope="session")
def infra() -> Iterator[Stack]:
    """A broker where nobody else reads: on the run's own one the services may be consuming."""
    with infrastructure_for_tests() as own:
        yield own


@pytest.fixture
def kafka(infra: Stack) -> KafkaSettings:
    return KafkaSettings(bootstrap=infra.env["REPRISE_KAFKA_BOOTSTRAP"])


@pytest.fixture(scope="module")
def service_urls(infra: Stack) -> Iterator[dict[str, str]]:
    admin_url, stack = infra.env["REPRISE_POSTGRES_ADMIN_URL"], AsyncExitStack()

    async def make() -> dict[str, str]:
        await apply(KafkaSettings(bootstrap=infra.env["REPRISE_KAFKA_BOOTSTRAP"]))
        return {
            service: await stack.enter_async_context(service_database(admin_url, service))
            for service in SERVICES
        }

    with asyncio.Runner() as runner:
        try:
            yield runner.run(make())
        finally:
            runner.run(stack.aclose())


@pytest.fixture
def operator(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kafka: KafkaSettings,
    service_urls: dict[str, str],
) -> Operator:
    asyncio.run(_empty(service_urls))
    monkeypatch.setenv("REPRISE_KAFKA_BOOTSTRAP", kafka.bootstrap)
    for service, url in service_urls.items():
        name = service.upper().replace("-", "_")
        monkeypatch.setenv(f"REPRISE_POSTGRES_URL_{name}", url)
    monkeypatch.setenv("USER", "ada")
    return Operator(monkeypatch, capsys, kafka, service_urls)


async def _empty(urls: dict[str, str]) -> None:
    for service, url in urls.items():
        connection = await asyncpg.connect(url, timeout=10)
        tables = ", ".join(f"{schema_of(service)}.{table}" for table in TABLES)
        await connection.execute(f"TRUNCATE {tables}")
        await connection.close()
