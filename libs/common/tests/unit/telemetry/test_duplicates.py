import asyncio

from common.telemetry.duplicates import absorbed, counting


async def test_what_is_absorbed_is_counted_for_the_consumer_it_runs_in() -> None:
    first, second = list[int](), list[int]()

    async def handle(into: list[int], times: int) -> None:
        with counting(lambda: into.append(1)):
            for _ in range(times):
                await asyncio.sleep(0)
                absorbed()

    await asyncio.gather(handle(first, 2), handle(second, 3))
    absorbed()
    assert (len(first), len(second)) == (2, 3)
