"""The part buffers of a process: the bound of its memory."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class BufferWanted(Exception):
    """Somebody waits for the buffer that a slow client fills; never leaves the use case.

    `trickles`: it sends so little that it had better collect its bytes outside of the pool.
    """

    def __init__(self, *, trickles: bool) -> None:
        super().__init__(trickles)
        self.trickles = trickles


class BufferLease(Protocol):
    """At most two part buffers in the hands of one upload; all go back when the lease ends."""

    @property
    def first(self) -> memoryview:
        """The buffer that was waited for."""
        ...

    @property
    def wanted(self) -> bool:
        """Whether somebody waits who holds none."""
        ...

    def other(self, busy: memoryview) -> memoryview | None:
        """A buffer beside `busy`, only if one is free and nobody waits for it; never waits itself.

        Gives the idle second one back when somebody else waits.
        """
        ...

    def filling(self) -> AbstractAsyncContextManager[Callable[[int], None]]:
        """Inside, one buffer is filled by the client; tell what is given how many bytes came.

        Raises BufferWanted in the middle of a wait for bytes, when somebody waits for a buffer and
        this client has had its time. Only reads of the body belong inside.
        """
        ...

    def give_back(self) -> None:
        """Give all of them back; there is no `first` until one is regained."""
        ...

    async def regain(self) -> None:
        """Give all back and wait in line for one anew; raises Unavailable(`no_buffer_free`)."""
        ...


class Buffers(Protocol):
    """The process's part buffers: preallocated, equal, and the bound of its memory."""

    @property
    def size(self) -> int:
        """Bytes of one buffer."""
        ...

    def lease(self) -> AbstractAsyncContextManager[BufferLease]:
        """Wait in line for one; raises Unavailable(`no_buffer_free`) when it takes too long."""
        ...
