"""One connection through a fault proxy: two pumps, and what a fault has done to it."""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field

from devstack.faults.modes import Direction, Mode

CHUNK = 64 * 1024
_BROKEN = (OSError, asyncio.IncompleteReadError)


@dataclass(slots=True)
class Traffic:
    """Bytes that passed in each direction, bytes that were swallowed, connections ever accepted."""

    requests: int = 0
    answers: int = 0
    swallowed: int = 0
    connections: int = 0


@dataclass(slots=True, eq=False)
class Link:
    """A client and, where the target could be reached, its other end.

    A direction that has lost bytes can never be trusted again and stays silent, as a connection
    does that some device on the way has forgotten: who waits on it needs a timeout of its own. The
    end of one side is not heard by the other while its direction is silent.
    """

    mode: Mode
    traffic: Traffic
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    target: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    lost: set[Direction] = field(default_factory=set)
    carried: int = 0
    cut: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def switch(self, mode: Mode) -> None:
        """Behave in another way from now on; what it may carry is counted anew."""
        self.mode, self.carried = mode, 0
        self.changed.set()

    async def run(self) -> None:
        """Carry until one side has ended, then end the other."""
        try:
            async with asyncio.TaskGroup() as group:
                pumps = [group.create_task(self._requests())]
                if self.target is not None:
                    pumps.append(group.create_task(self._answers(*self.target)))
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                for pump in pumps:
                    pump.cancel()
        finally:
            for _, writer in self._ends():
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    def reset(self) -> None:
        """End both sides at once, with a reset instead of a goodbye."""
        self.cut = True
        self.changed.set()
        for _, writer in self._ends():
            end = writer.get_extra_info("socket")
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _requests(self) -> None:
        await self._pump("requests", self.client[0], self.target and self.target[1])

    async def _answers(self, source: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await self._pump("answers", source, self.client[1])
        if self.lost and not self.cut:
            await asyncio.Event().wait()  # nobody is told; the client's own end comes by its pump

    async def _pump(
        self, way: Direction, source: asyncio.StreamReader, sink: asyncio.StreamWriter | None
    ) -> None:
        with suppress(*_BROKEN):
            while chunk := await source.read(CHUNK):
                await asyncio.sleep(self.mode.delay)
                if sink is None or way in self.lost | self.mode.silent:
                    self.lost.add(way)
                    self.traffic.swallowed += len(chunk)
                elif not await self._pass_on(way, chunk, sink):
                    return
        while way in self.mode.silent and not self.cut:
            self.changed.clear()
            await self.changed.wait()

    async def _pass_on(self, way: Direction, chunk: bytes, sink: asyncio.StreamWriter) -> bool:
        left = None if self.mode.budget is None else self.mode.budget - self.carried
        kept = chunk[:left]
        self.carried += len(kept)
        setattr(self.traffic, way, getattr(self.traffic, way) + len(kept))
        sink.write(kept)
        await sink.drain()
        if left is not None and left <= len(chunk):
            await _sent(sink)
            self.reset()
            return False
        return True

    def _ends(self) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        return [self.client] if self.target is None else [self.client, self.target]


async def _sent(sink: asyncio.StreamWriter) -> None:
    """A reset drops what was not sent yet."""
    sink.transport.set_write_buffer_limits(high=0)
    await sink.drain()
