"""The one pool of part buffers: it bounds the memory of the process whatever clients do."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from common.errors import Unavailable
from upload_gateway.ports.buffers import BufferWanted


@dataclass(frozen=True, slots=True)
class Turns:
    """How long a client may fill a buffer that somebody waits for.

    `long` seconds are enough for everybody who is not slow: what is taken back costs the store one
    more object, so shorter turns make work and longer ones make others wait. Who sends less than
    `trickle` bytes a second has only `short` ones: such clients may come in hundreds.
    """

    long: float = 2.5
    short: float = 0.25
    trickle: float = 128 * 1024


class MemoryBuffers:
    """`count` equal buffers, given out first come, first served.

    Nobody waits while holding one, so the pool cannot deadlock; `patience` (seconds) bounds the
    wait. All are touched at start: a process that starts has all memory it needs for bodies.
    """

    def __init__(
        self, *, count: int, size: int, patience: float = 10.0, turns: Turns | None = None
    ) -> None:
        self._free = [memoryview(bytearray(size)) for _ in range(count)]
        self._waiting: deque[asyncio.Future[memoryview]] = deque()
        self._filling = set[_Filling]()
        self._size, self._count, self._patience = size, count, patience
        self.turns = turns or Turns()

    @property
    def size(self) -> int:
        return self._size

    @property
    def in_use(self) -> int:
        """Buffers in the hands of uploads."""
        return self._count - len(self._free)

    @property
    def waiting(self) -> int:
        """Uploads that wait for a buffer and hold none."""
        return sum(not waiter.done() for waiter in self._waiting)

    @property
    def wanted(self) -> bool:
        """Whether anybody waits; asked for every piece of every body."""
        return any(not waiter.done() for waiter in self._waiting)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator["MemoryBufferLease"]:
        lease = MemoryBufferLease(self)
        await lease.regain()
        try:
            yield lease
        finally:
            lease.give_back()

    def take(self) -> memoryview | None:
        """One at once, if it is free and nobody waits for it."""
        return self._free.pop() if self._free and not self.wanted else None

    def give(self, buffer: memoryview) -> None:
        """Give one back: to who waits longest, else to the pool."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(buffer)
                return
        self._free.append(buffer)

    async def acquired(self) -> memoryview:
        """One after those who asked before; raises Unavailable(`no_buffer_free`)."""
        buffer = self.take()
        if buffer is not None:
            return buffer
        waiter: asyncio.Future[memoryview] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        for filling in self._filling:
            filling.hurry()
        try:
            async with asyncio.timeout(self._patience):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                self.give(waiter.result())  # it came in the moment we gave up
            waiter.cancel()
            if isinstance(error, TimeoutError):
                raise Unavailable(
                    "all part buffers are in use", code="no_buffer_free", retry_after=5
                ) from None
            raise

    @asynccontextmanager
    async def filling(self, waited: float) -> AsyncIterator[Callable[[int], None]]:
        """Inside, a buffer is filled by a client that waited for it; see BufferLease.filling."""
        filling = _Filling(self, waited)
        self._filling.add(filling)
        try:
            async with asyncio.timeout(None) as filling.scope:
                filling.hurry()
                yield filling.took
        except TimeoutError:
            raise BufferWanted(trickles=filling.trickles) from None
        finally:
            filling.scope = None
            self._filling.discard(filling)


class _Filling:
    """One buffer's turn: it ends when somebody waits and the client has had its time."""

    def __init__(self, pool: MemoryBuffers, waited: float) -> None:
        self.scope: asyncio.Timeout | None = None
        self._pool, self._turns = pool, pool.turns
        # what a client sent while it waited is there at once: that was time to show its pace
        self._began, self._bytes = _now() - min(waited, pool.turns.short), 0

    def took(self, count: int) -> None:
        self._bytes += count
        if self._pool.wanted:
            self.hurry()

    @property
    def trickles(self) -> bool:
        seconds = max(_now() - self._began, self._turns.short)
        return self._bytes < self._turns.trickle * seconds

    def hurry(self) -> None:
        """Set the end of the turn by what came so far, if somebody waits."""
        if self.scope is None or self.scope.expired() or not self._pool.wanted:
            return
        # with no byte more it trickles from then on
        slow_at = max(self._turns.short, self._bytes / self._turns.trickle)
        end = self._began + min(slow_at, self._turns.long)
        self.scope.reschedule(max(end, _now()))


class MemoryBufferLease:
    """One buffer, and a second one as long as nobody else wants it."""

    def __init__(self, pool: MemoryBuffers) -> None:
        self._pool = pool
        self._held = list[memoryview]()
        self._waited = 0.0

    @property
    def first(self) -> memoryview:
        return self._held[0]

    @property
    def wanted(self) -> bool:
        return self._pool.wanted

    def other(self, busy: memoryview) -> memoryview | None:
        idle = next((buffer for buffer in self._held if buffer is not busy), None)
        if idle is None:
            if (taken := self._pool.take()) is not None:
                self._held.append(taken)
            return taken
        if self._pool.wanted:
            self._held.remove(idle)
            self._pool.give(idle)
            return None
        return idle

    def filling(self) -> AbstractAsyncContextManager[Callable[[int], None]]:
        waited, self._waited = self._waited, 0.0
        return self._pool.filling(waited)

    def give_back(self) -> None:
        while self._held:
            self._pool.give(self._held.pop())

    async def regain(self) -> None:
        self.give_back()
        began = _now()
        self._held.append(await self._pool.acquired())
        self._waited = _now() - began


def _now() -> float:
    return asyncio.get_running_loop().time()
