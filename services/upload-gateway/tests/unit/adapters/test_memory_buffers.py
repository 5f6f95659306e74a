import asyncio

import pytest

from common.errors import Unavailable
from upload_gateway.adapters.memory_buffers import MemoryBuffers, Turns
from upload_gateway.ports.buffers import BufferLease, BufferWanted


async def test_a_second_buffer_is_given_only_while_nobody_waits() -> None:
    pool = MemoryBuffers(count=2, size=4)
    async with pool.lease() as lease:
        second = lease.other(lease.first)
        assert second is not None
        assert lease.other(lease.first) is second
        assert pool.in_use == 2
        waiting = asyncio.ensure_future(held(pool))
        await asyncio.sleep(0)
        assert lease.other(lease.first) is None
        assert await waiting == 4
    assert pool.in_use == 0


async def test_buffers_are_given_in_the_order_they_were_asked_for() -> None:
    pool, order = MemoryBuffers(count=1, size=4), list[int]()

    async def ask(number: int) -> None:
        async with pool.lease():
            order.append(number)

    async with pool.lease():
        askers = [asyncio.ensure_future(ask(number)) for number in range(5)]
        await asyncio.sleep(0)
    await asyncio.gather(*askers)
    assert order == [0, 1, 2, 3, 4]


async def test_who_gives_up_or_is_cancelled_loses_no_buffer() -> None:
    pool = MemoryBuffers(count=1, size=4, patience=0.01)
    async with pool.lease():
        with pytest.raises(Unavailable):
            await held(pool)
        cancelled = asyncio.ensure_future(held(pool))
        await asyncio.sleep(0)
        cancelled.cancel()
    assert await held(pool) == 4
    assert pool.in_use == 0


async def test_a_buffer_that_comes_in_the_moment_of_a_cancellation_goes_on() -> None:
    pool = MemoryBuffers(count=1, size=4)
    async with pool.lease():
        waiting = asyncio.ensure_future(held(pool))
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert pool.in_use == 0


async def held(pool: MemoryBuffers) -> int:
    async with pool.lease() as lease:
        return len(lease.first)


async def test_a_turn_ends_only_when_somebody_waits() -> None:
    pool = MemoryBuffers(count=1, size=4, turns=Turns(long=0, short=0))
    async with pool.lease() as lease:
        async with lease.filling() as took:
            took(1)
            await asyncio.sleep(0.01)
        with pytest.raises(BufferWanted):
            await _filled(lease, pool)
        lease.give_back()
    assert pool.in_use == 0


async def _filled(lease: BufferLease, pool: MemoryBuffers) -> None:
    async with lease.filling():
        waiting = asyncio.ensure_future(held(pool))
        try:
            await asyncio.sleep(9)
        finally:
            lease.give_back()
            await waiting


@pytest.mark.parametrize(("count", "trickles"), [(10, True), (10_000, False)])
async def test_a_trickle_is_told_from_a_slow_stream(count: int, *, trickles: bool) -> None:
    pool = MemoryBuffers(count=1, size=4, turns=Turns(long=0.05, short=0.02, trickle=1000))
    async with pool.lease() as lease:
        waiting = asyncio.ensure_future(held(pool))
        await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        with pytest.raises(BufferWanted) as wanted:
            await _took(lease, count)
        assert asyncio.get_running_loop().time() - began >= (0.02 if trickles else 0.05)
        assert wanted.value.trickles is trickles
    assert await waiting == 4


async def _took(lease: BufferLease, count: int) -> None:
    async with lease.filling() as took:
        took(count)
        await asyncio.sleep(9)
