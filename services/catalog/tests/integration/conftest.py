"""A fresh catalog schema for each test, on the real database."""

from collections.abc import AsyncIterator

import pytest
from services.catalog.tests.integration.real_catalog import RealCatalog

from common.testing.postgres import scratch
from devstack.stack import Stack


@pytest.fixture
async def catalog(infra: Stack) -> AsyncIterator[RealCatalog]:
    async with scratch(infra.env["REPRISE_POSTGRES_ADMIN_URL"], "catalog") as schema:
        yield RealCatalog(schema)
