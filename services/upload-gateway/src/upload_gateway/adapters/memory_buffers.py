"""The one pool of part buffers: it bounds the memory of the process whatever clients do."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from common.errors import Unavailable


class MemoryBuffers:
    """`count` equal buffers, given out first come, first served.

    Nobody waits while holding one, so the pool cannot deadlock; `patience` (seconds) bounds the
    wait. All are touched at start: a process that starts has all memory it needs for bodies.
    """

    def __init__(self, *, count: int, size: int, patience: float = 10.0) -> None:
        self._free = [memoryview(bytearray(size)) for _ in range(count)]
        self._waiting: deque[asyncio.Future[memoryview]] = deque()
        self._size, self._count, self._patience = size, count, patience

    @property
    def size(self) -> int:
        return self._size

    @property
    def in_use(self) -> int:
        """Buffers in the hands of uploads."""
        return self._count - len(self._free)

    @property
    def waiting(self) -> int:
        """Uploads that wait for their first buffer."""
        return sum(not waiter.done() for waiter in self._waiting)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator["MemoryBufferLease"]:
        lease = MemoryBufferLease(self, await self._acquired())
        try:
            yield lease
        finally:
            lease.end()

    def take(self) -> memoryview | None:
        """One at once, if it is free and nobody waits for it."""
        return self._free.pop() if self._free and not self.waiting else None

    def give(self, buffer: memoryview) -> None:
        """Give one back: to who waits longest, else to the pool."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(buffer)
                return
        self._free.append(buffer)

    async def _acquired(self) -> memoryview:
        buffer = self.take()
        if buffer is not None:
            return buffer
        waiter: asyncio.Future[memoryview] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
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


class MemoryBufferLease:
    """One buffer, and a second one as long as nobody else wants it."""

    def __init__(self, pool: MemoryBuffers, first: memoryview) -> None:
        self._pool = pool
        self._held = [first]

    @property
    def first(self) -> memoryview:
        return self._held[0]

    def other(self, busy: memoryview) -> memoryview | None:
        idle = next((buffer for buffer in self._held if buffer is not busy), None)
        if idle is None:
            if (taken := self._pool.take()) is not None:
                self._held.append(taken)
            return taken
        if self._pool.waiting:
            self._held.remove(idle)
            self._pool.give(idle)
            return None
        return idle

    def end(self) -> None:
        """Give everything back."""
        while self._held:
            self._pool.give(self._held.pop())
