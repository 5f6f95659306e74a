"""A TCP proxy whose faults are switched while connections run through it."""

import asyncio
import socket
import threading
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

from devstack.faults.link import Link, Traffic
from devstack.faults.modes import BOTH, PASS, Direction, Mode
from devstack.local_place import LOOPBACK

T = TypeVar("T")
_CONTROL_TIMEOUT = 10.0  # seconds
_BACKLOG = 512  # clients that may wait to be accepted


class TcpProxy:
    """Listens on `port` (a free one unless given) and carries each connection to the target.

    It runs in a thread of its own: tests with and without an event loop use it alike (`with` and
    `async with`), and a loop that is kept busy does not slow the proxy. A switch of mode is in
    effect when the call returns, for open connections too. The target may be changed at any time;
    new connections go to the new one.
    """

    def __init__(self, target_host: str, target_port: int, *, port: int = 0) -> None:
        self.target_host, self.target_port = target_host, target_port
        self.traffic = Traffic()
        self._mode = PASS
        self._links: set[Link] = set()
        self._listener = _bound(port)
        self._started = threading.Event()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=asyncio.run, args=[self._serve()], daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(_CONTROL_TIMEOUT)
        self._listener.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    @property
    def port(self) -> int:
        """The same from the beginning to the end, also while nobody listens."""
        number: int = self._listener.getsockname()[1]
        return number

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def open(self) -> int:
        """Connections whose client has not ended."""
        return len(self._links)

    def pass_through(self) -> None:
        """No fault. Connections that lost bytes stay silent until their client ends them."""
        self._switch(PASS)

    def delay(self, seconds: float) -> None:
        """Hold each chunk (at most 64 KiB) back for so long, in both directions."""
        self._switch(Mode(delay=seconds))

    def cut_after(self, n_bytes: int) -> None:
        """Reset each connection once it has carried so many more bytes, both directions counted."""
        self._switch(Mode(budget=n_bytes))

    def blackhole(self) -> None:
        """Accept, swallow, say nothing; on open connections too."""
        self._switch(Mode(silent=BOTH))

    def half_open(self, silent: Direction = "answers") -> None:
        """Carry one direction only: the target hears and is not heard, or the other way round."""
        self._switch(Mode(silent=frozenset({silent})))

    def refuse(self) -> None:
        """Reset open connections and refuse new ones, as when the program has died."""
        self._switch(Mode(refusing=True))

    def drop_all(self) -> None:
        """Reset every open connection; the mode stays."""
        self._run(self._sever())

    def _switch(self, mode: Mode) -> None:
        self._run(self._switched(mode))

    def _run(self, work: Coroutine[None, None, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CONTROL_TIMEOUT)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as self._group:
            self._listen()
            self._started.set()
            await self._ended.wait()

    async def _switched(self, mode: Mode) -> None:
        if mode.refusing != self._mode.refusing:
            (self._stop_listening if mode.refusing else self._listen)()
        self._mode = mode
        for link in self._links:
            link.switch(mode)
        if mode.refusing:
            await self._sever()

    def _listen(self) -> None:
        self._listener.listen(_BACKLOG)
        self._loop.add_reader(self._listener, self._accept)

    def _stop_listening(self) -> None:
        """The port stays ours: bound, but nobody listens."""
        self._loop.remove_reader(self._listener)
        port = self.port
        self._listener.close()
        self._listener = _bound(port)

    def _accept(self) -> None:
        with suppress(BlockingIOError, ConnectionError):  # the client may have gone already
            client, _ = self._listener.accept()
            self._group.create_task(self._carry(client))

    async def _carry(self, client: socket.socket) -> None:
        self.traffic.connections += 1
        link = Link(self._mode, self.traffic, await asyncio.open_connection(sock=client))
        self._links.add(link)
        try:
            await self._reach_target(link)
            await link.run()
        finally:
            self._links.discard(link)

    async def _reach_target(self, link: Link) -> None:
        try:
            link.target = await asyncio.open_connection(self.target_host, self.target_port)
        except OSError:
            if not self._mode.silent:
                link.reset()
        if self._mode.refusing:  # accepted in the moment of the switch
            link.reset()

    async def _sever(self) -> None:
        for link in self._links:
            link.reset()


def _bound(port: int) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((LOOPBACK, port))
    found.setblocking(False)
    return found
