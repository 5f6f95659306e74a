import asyncio

import pytest

from common.ids import new_event_id
from common.postgres.inbox import first_time
from common.telemetry.duplicates import counting
from common.testing.postgres import ScratchSchema

pytestmark = pytest.mark.integration


async def test_an_event_is_seen_once_per_consumer(schema: ScratchSchema) -> None:
    event = new_event_id()
    async with schema.database.write() as session:
        assert await first_time(session, "a", event)
        assert not await first_time(session, "a", event)
        assert await first_time(session, "b", event)
    async with schema.database.write() as session:
        assert not await first_time(session, "a", event)


async def test_duplicates_are_counted(schema: ScratchSchema) -> None:
    event, counted = new_event_id(), list[int]()
    with counting(lambda: counted.append(1)):
        for _ in range(3):
            async with schema.database.write() as session:
                await first_time(session, "a", event)

    assert len(counted) == 2


async def test_an_effect_that_rolled_back_was_not_seen(schema: ScratchSchema) -> None:
    event = new_event_id()

    async def fails_afterwards() -> None:
        async with schema.database.write() as session:
            await first_time(session, "a", event)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails_afterwards()

    async with schema.database.write() as session:
        assert await first_time(session, "a", event)


async def test_of_two_racing_transactions_one_has_the_effect(schema: ScratchSchema) -> None:
    event = new_event_id()

    async def effect() -> bool:
        async with schema.database.write() as session:
            return await first_time(session, "a", event)

    assert sorted(await asyncio.gather(*(effect() for _ in range(4)))) == [False] * 3 + [True]
