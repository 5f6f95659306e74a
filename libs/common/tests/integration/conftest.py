"""Where the real broker and database of the run are."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from common.postgres.schema import INBOX_V1, JOBS_V1, OUTBOX_V1
from common.settings import KafkaSettings
from common.testing.postgres import ScratchSchema, scratch


@pytest.fixture
def kafka(infra: Any) -> KafkaSettings:
    return KafkaSettings(bootstrap=infra.kafka_bootstrap)


@pytest.fixture
async def schema(infra: Any) -> AsyncIterator[ScratchSchema]:
    async with scratch(infra.postgres_admin_url, ddl=[*OUTBOX_V1, *INBOX_V1, *JOBS_V1]) as made:
        yield made
