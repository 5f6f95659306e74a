import asyncio

import pytest

from common.telemetry import liveness
from common.telemetry.metrics import Metrics
from common.testing.clock import ManualClock
from common.web.loops import (
    CRASHING_AFTER,
    STUCK_AFTER,
    Loop,
    SupervisedLoop,
    rest,
    run_until_stopped,
    supervise,
)

CRASHES = Metrics("x").shared_counter("loop_crashes", "Crashes.", ["loop"])


def supervised(loop: Loop, clock: ManualClock) -> SupervisedLoop:
    return SupervisedLoop("it", loop, crashes=CRASHES, clock=clock, first_pause=0.001)


async def test_a_loop_is_started_again_until_it_is_stopped() -> None:
    starts = 0
    stop = asyncio.Event()

    async def loop(stopping: asyncio.Event) -> None:
        nonlocal starts
        starts += 1
        if starts == 3:
            stop.set()
        elif starts == 2:
            raise RuntimeError

    await asyncio.wait_for(supervised(loop, ManualClock()).run(stop), 5)
    assert starts == 3


async def test_a_loop_that_a_library_cancels_is_started_again() -> None:
    starts = 0
    stop = asyncio.Event()

    async def loop(stopping: asyncio.Event) -> None:
        nonlocal starts
        starts += 1
        if starts == 2:
            stop.set()
            return
        # as awaiting a task does that its owner has cancelled: nobody asked for our end
        raise asyncio.CancelledError

    await asyncio.wait_for(supervised(loop, ManualClock()).run(stop), 5)
    assert starts == 2


async def test_a_loop_that_is_cancelled_ends() -> None:
    stop, begun = asyncio.Event(), asyncio.Event()

    async def loop(stopping: asyncio.Event) -> None:
        begun.set()
        await stopping.wait()

    async with asyncio.TaskGroup() as group:
        running = group.create_task(supervised(loop, ManualClock()).run(stop))
        await begun.wait()
        running.cancel()
    assert running.cancelled()


async def test_a_loop_that_stops_beating_is_stuck() -> None:
    clock = ManualClock()
    beaten, stop = asyncio.Event(), asyncio.Event()

    async def loop(stopping: asyncio.Event) -> None:
        liveness.beat()
        beaten.set()
        await stopping.wait()

    one = supervised(loop, clock)
    async with asyncio.TaskGroup() as group:
        group.create_task(one.run(stop))
        await beaten.wait()
        assert one.trouble() is None
        clock.advance(STUCK_AFTER + 1)
        assert one.trouble() == "no progress for 121 s"
        stop.set()


async def test_a_loop_that_sleeps_for_long_is_not_called_stuck() -> None:
    clock = ManualClock()
    stop = asyncio.Event()

    async def loop(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            liveness.beat()
            await rest(stopping, 3600, beat_every=0.001)

    one = supervised(loop, clock)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(one.run(stop))
        await asyncio.wait({running}, timeout=0.001)
        clock.advance(STUCK_AFTER + 1)
        while one.trouble() is not None:
            await asyncio.wait({running}, timeout=0.001)
        stop.set()


async def test_a_loop_that_never_beats_is_not_called_stuck() -> None:
    clock = ManualClock()

    async def loop(stopping: asyncio.Event) -> None:
        await stopping.wait()

    one = supervised(loop, clock)
    clock.advance(10 * STUCK_AFTER)
    assert one.trouble() is None


async def test_a_loop_that_only_crashes_is_trouble_in_the_end() -> None:
    clock = ManualClock()
    stop = asyncio.Event()
    crashes = 0

    async def loop(stopping: asyncio.Event) -> None:
        nonlocal crashes
        crashes += 1
        if crashes == 4:
            stop.set()
        clock.advance(40)
        raise RuntimeError

    one = supervised(loop, clock)
    await asyncio.wait_for(one.run(stop), 5)
    assert one.trouble() is None
    clock.advance(CRASHING_AFTER)
    assert one.trouble() is not None


async def test_a_loop_that_does_not_come_home_is_cancelled() -> None:
    cancelled = asyncio.Event()
    stop = asyncio.Event()

    async def stubborn(stopping: asyncio.Event) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    stop.set()
    started = asyncio.Event()

    async def begins(stopping: asyncio.Event) -> None:
        started.set()
        await stubborn(stopping)

    running = asyncio.Event()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(
            run_until_stopped(supervise({"a": begins}, Metrics("x")), running, grace=0.01)
        )
        await started.wait()
        running.set()
    assert cancelled.is_set()


async def test_no_loops_only_wait_for_the_stop() -> None:
    stop = asyncio.Event()
    stop.set()
    await asyncio.wait_for(run_until_stopped([], stop, grace=1), 5)


@pytest.mark.parametrize("name", ["relay", "consumers"])
def test_crashes_are_counted_by_loop(name: str) -> None:
    metrics = Metrics("x")

    async def loop(stopping: asyncio.Event) -> None:
        stopping.set()
        raise RuntimeError

    asyncio.run(supervise({name: loop}, metrics)[0].run(asyncio.Event()))
    assert f'media_loop_crashes_total{{loop="{name}"}} 1.0' in metrics.exposition().decode()


async def test_the_last_loops_are_told_when_all_others_are_home() -> None:
    stop, story, begun = asyncio.Event(), list[str](), asyncio.Barrier(3)

    async def worker(stopping: asyncio.Event) -> None:
        await begun.wait()
        await stopping.wait()
        await asyncio.sleep(0)
        story.append("worker")

    async def relay(stopping: asyncio.Event) -> None:
        await begun.wait()
        await stopping.wait()
        story.append("relay")

    loops = supervise({"relay": relay, "worker": worker}, Metrics("tests"))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(run_until_stopped(loops, stop, grace=5, last={"relay"}, last_grace=5))
        await begun.wait()
        stop.set()
    assert story == ["worker", "relay"]
