"""A running delivery: one for many tests, or one that a test may kill."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from services.delivery.tests.integration.real_delivery import RealDelivery, real_delivery

from devstack.stack import Stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(
    infra: Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RealDelivery]:
    async with real_delivery(infra, tmp_path_factory.mktemp("node")) as made:
        await made.start()
        yield made


@pytest.fixture
async def own(infra: Stack, tmp_path: Path) -> AsyncIterator[RealDelivery]:
    async with real_delivery(infra, tmp_path) as made:
        await made.start()
        yield made
