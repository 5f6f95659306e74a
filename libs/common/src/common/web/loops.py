"""Keeps background loops running: restarts with backoff, a pulse each, a bounded stop."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Mapping

from prometheus_client import Counter

from common.clock import Clock, SystemClock
from common.telemetry import liveness, logs
from common.telemetry.metrics import Metrics

Loop = Callable[[asyncio.Event], Awaitable[None]]

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between a crash and the next try
STUCK_AFTER = 4 * liveness.OFTEN  # seconds without a beat, of a loop that beats
CRASHING_AFTER = 300.0  # seconds of crashes without a minute's run between them
STEADY_AFTER = 60.0  # seconds of running that make an old crash forgotten
_logger = logs.get_logger("loops")


class SupervisedLoop:
    """One loop and what is known of its health."""

    def __init__(
        self,
        name: str,
        loop: Loop,
        *,
        crashes: Counter,
        clock: Clock | None = None,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self.name = name
        self._loop = loop
        self._clock = clock or SystemClock()
        self._crashes = crashes
        self._pulse = liveness.Pulse(self._clock)
        self._first_pause = first_pause
        self._unwell_since: float | None = None

    def trouble(self) -> str | None:
        """Why a restart of the process would help, None when it would not."""
        age = self._pulse.age()
        if age is not None and age > STUCK_AFTER:
            return f"no progress for {age:.0f} s"
        if self._unwell_since is not None:
            unwell = self._clock.monotonic() - self._unwell_since
            if unwell > CRASHING_AFTER:
                return f"crashing for {unwell:.0f} s"
        return None

    async def run(self, stop: asyncio.Event) -> None:
        """Run the loop until `stop`, starting it again whenever it ends before that."""
        liveness.watch(self._pulse)
        pause = self._first_pause
        while not stop.is_set():
            started = self._clock.monotonic()
            await self._once(stop)
            if stop.is_set():
                return
            if self._clock.monotonic() - started > STEADY_AFTER:
                pause, self._unwell_since = self._first_pause, None
            if self._unwell_since is None:
                self._unwell_since = started
            self._pulse.forget()
            await wait_for(stop, pause * random.uniform(0.5, 1.0))  # noqa: S311  (jitter, not a secret)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _once(self, stop: asyncio.Event) -> None:
        try:
            await self._loop(stop)
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _asked_to_end():
                raise
            self._crashes.labels(self.name).inc()
            _logger.exception("loop.crashed", loop=self.name)
        else:
            if not stop.is_set():
                _logger.warning("loop.ended", loop=self.name)


def _asked_to_end() -> bool:
    """Whether this very task was cancelled.

    A library that awaits tasks of its own after cancelling them raises the same error, and a loop
    that ended by it would never run again.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def supervise(loops: Mapping[str, Loop], metrics: Metrics) -> list[SupervisedLoop]:
    """Wrap the loops of a process."""
    crashes = metrics.shared_counter("loop_crashes", "Loops that ended by an exception.", ["loop"])
    return [SupervisedLoop(name, loop, crashes=crashes) for name, loop in loops.items()]


async def run_until_stopped(
    loops: list[SupervisedLoop],
    stop: asyncio.Event,
    *,
    grace: float,
    last: Collection[str] = (),
    last_grace: float = 0.0,
) -> None:
    """Run all loops; after `stop` each has `grace` seconds to come home, then it is cancelled.

    Those named in `last` are told when all others are home, and have `last_grace` seconds.
    """
    end = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tasks = {
            loop.name: group.create_task(loop.run(end if loop.name in last else stop))
            for loop in loops
        }
        await stop.wait()
        await _come_home({name: task for name, task in tasks.items() if name not in last}, grace)
        end.set()
        await _come_home({name: task for name, task in tasks.items() if name in last}, last_grace)


async def _come_home(tasks: Mapping[str, "asyncio.Task[None]"], grace: float) -> None:
    if not tasks:
        return
    await asyncio.wait(tasks.values(), timeout=grace)
    for name, task in tasks.items():
        if not task.done():
            _logger.warning("loop.cancelled", loop=name)
            task.cancel()
    await asyncio.wait(tasks.values())


async def rest(stop: asyncio.Event, seconds: float, *, beat_every: float = liveness.OFTEN) -> None:
    """As `wait_for`, for a loop that does nothing meanwhile: however long, it is not stuck."""
    while seconds > 0 and not stop.is_set():
        liveness.beat()
        await wait_for(stop, min(seconds, beat_every))
        seconds -= beat_every


async def wait_for(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, unless or until `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
