from collections.abc import Awaitable, Callable, Sequence

import pytest

from common.events import Message
from common.postgres.outbox import PostgresOutboxSource, append
from common.testing.outbox_source_suite import CASES, Outbox
from common.testing.postgres import ScratchSchema

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_outbox_in_postgres(
    schema: ScratchSchema, case: Callable[[Outbox], Awaitable[None]]
) -> None:
    async def append_all(messages: Sequence[Message]) -> None:
        async with schema.database.write() as session:
            for message in messages:
                await append(session, message)

    def source() -> PostgresOutboxSource:
        return PostgresOutboxSource(schema.url, "any", schema=schema.name)

    await case(Outbox(append_all, source))
