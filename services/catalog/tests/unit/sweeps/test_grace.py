import asyncio

from catalog.sweeps.grace import MOST_IN_A_TURN, GraceSweep
from common.errors import Unavailable
from common.telemetry.metrics import Metrics


async def endless_work() -> bool:
    return True


async def no_database() -> bool:
    raise Unavailable("away", code="database_unavailable")


async def test_a_turn_has_a_bound() -> None:
    sweep = GraceSweep(endless_work, 60, Metrics("catalog"))
    assert await sweep.turn(asyncio.Event()) == MOST_IN_A_TURN


async def test_a_stop_is_obeyed_in_the_middle_of_a_turn() -> None:
    stop = asyncio.Event()
    stop.set()
    sweep = GraceSweep(endless_work, 60, Metrics("catalog"))
    assert await sweep.turn(stop) == 0


async def test_a_database_that_is_away_does_not_end_the_loop() -> None:
    stop = asyncio.Event()
    sweep = GraceSweep(no_database, 60, Metrics("catalog"))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        loop = group.create_task(sweep.loop(stop))
        await asyncio.sleep(0)
        assert not loop.done()
        stop.set()
