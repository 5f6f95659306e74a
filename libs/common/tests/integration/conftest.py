"""Where the real broker and database of the run are."""

from collections.abc import AsyncIterator

import pytest

from common.postgres.schema import INBOX_V1, JOBS_V1, OUTBOX_V1, OUTBOX_V2
from common.settings.groups import KafkaSettings
from common.testing.postgres import ScratchSchema, scratch
from devstack.stack import Stack


@pytest.fixture
def kafka(infra: Stack) -> KafkaSettings:
    return KafkaSettings(bootstrap=infra.env["REPRISE_KAFKA_BOOTSTRAP"])


@pytest.fixture
def admin_url(infra: Stack) -> str:
    return infra.env["REPRISE_POSTGRES_ADMIN_URL"]


@pytest.fixture
async def schema(admin_url: str) -> AsyncIterator[ScratchSchema]:
    async with scratch(admin_url, ddl=[*OUTBOX_V1, *OUTBOX_V2, *INBOX_V1, *JOBS_V1]) as made:
        yield made
