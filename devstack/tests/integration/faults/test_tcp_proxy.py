"""Each fault as a real client of a real server sees it."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from common.testing.waiting import eventually
from devstack.faults.link import Traffic
from devstack.faults.tcp_proxy import TcpProxy

SILENCE = 0.2  # seconds in which an answer would have come many times over


@dataclass
class Echo:
    """A server that answers what it hears, and remembers it."""

    port: int
    heard: bytearray


@dataclass
class Wire:
    """A client's connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self, count: int) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.readexactly(count)

    async def hears_nothing(self) -> bool:
        try:
            async with asyncio.timeout(SILENCE):
                return await self.reader.read(1) is None
        except TimeoutError:
            return True

    async def echoed(self, data: bytes) -> bool:
        await self.say(data)
        return await self.hear(len(data)) == data

    async def reset(self) -> bool:
        """Whether the other side ended this connection, by a reset."""
        try:
            async with asyncio.timeout(5):
                while await self.reader.read(1024):
                    pass
        except ConnectionError:
            return True
        return False


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    heard, talking = bytearray(), set[asyncio.StreamWriter]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.add(writer)
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            while data := await reader.read(65536):
                heard.extend(data)
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        talking.discard(writer)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield Echo(server.sockets[0].getsockname()[1], heard)
        await eventually(lambda: not talking)


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[TcpProxy]:
    async with TcpProxy("127.0.0.1", echo.port) as running:
        yield running


@contextlib.asynccontextmanager
async def wired(proxy: TcpProxy) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_bytes_pass_both_ways_on_many_connections_and_are_counted(proxy: TcpProxy) -> None:
    data = bytes(range(256)) * 1000

    async def one() -> bool:
        async with wired(proxy) as wire, asyncio.TaskGroup() as group:
            group.create_task(wire.say(data))
            return await wire.hear(len(data)) == data

    assert await asyncio.gather(*(one() for _ in range(50))) == [True] * 50
    await eventually(lambda: proxy.open == 0)
    traffic = proxy.traffic
    assert traffic == Traffic(len(data) * 50, len(data) * 50, swallowed=0, connections=50)


async def test_a_delay_holds_back_each_way_on_an_open_connection(proxy: TcpProxy) -> None:
    async with wired(proxy) as wire:
        assert await wire.echoed(b"quick")
        proxy.delay(0.15)
        started = time.monotonic()
        assert await wire.echoed(b"slow")
        assert time.monotonic() - started >= 0.3
        proxy.pass_through()
        assert await wire.echoed(b"quick again")


async def test_a_connection_is_cut_after_exactly_so_many_bytes(proxy: TcpProxy, echo: Echo) -> None:
    async with wired(proxy) as wire:
        assert await wire.echoed(b"before")
        proxy.cut_after(10)
        await wire.say(b"x" * 15)
        assert await wire.reset()
    await eventually(lambda: len(echo.heard) == len("before") + 10)
    await eventually(lambda: proxy.open == 0)


async def test_what_arrived_before_a_cut_reaches_the_client(proxy: TcpProxy) -> None:
    async with wired(proxy) as wire:
        proxy.cut_after(6)
        await wire.say(b"1234")
        assert await wire.hear(2) == b"12"
        assert await wire.reset()


async def test_a_black_hole_accepts_and_says_nothing(proxy: TcpProxy, echo: Echo) -> None:
    async with wired(proxy) as old:
        assert await old.echoed(b"old")
        proxy.blackhole()
        async with wired(proxy) as new:
            for wire in (old, new):
                await wire.say(b"swallowed")
                assert await wire.hears_nothing()
        assert bytes(echo.heard) == b"old"
        assert proxy.traffic.swallowed == 2 * len(b"swallowed")


async def test_a_connection_that_lost_bytes_stays_silent_and_others_go_on(proxy: TcpProxy) -> None:
    async with wired(proxy) as lossy, wired(proxy) as idle:
        assert await lossy.echoed(b"1")
        assert await idle.echoed(b"2")
        proxy.blackhole()
        await lossy.say(b"lost")
        await eventually(lambda: proxy.traffic.swallowed == 4)
        proxy.pass_through()
        assert await idle.echoed(b"as before")
        await lossy.say(b"more")
        assert await lossy.hears_nothing()
        async with wired(proxy) as new:
            assert await new.echoed(b"new")


async def test_half_open_carries_one_way_only(proxy: TcpProxy, echo: Echo) -> None:
    async with wired(proxy) as wire:
        assert await wire.echoed(b"both")
        proxy.half_open()
        await wire.say(b" deaf")
        assert await wire.hears_nothing()
        assert bytes(echo.heard) == b"both deaf"


async def test_half_open_the_other_way_lets_nothing_reach_the_target(
    proxy: TcpProxy, echo: Echo
) -> None:
    async with wired(proxy) as wire:
        assert await wire.echoed(b"both")
        proxy.half_open("requests")
        await wire.say(b" mute")
        assert await wire.hears_nothing()
        assert bytes(echo.heard) == b"both"


async def test_refusing_resets_what_is_open_and_comes_back_on_the_same_port(
    proxy: TcpProxy,
) -> None:
    port = proxy.port
    async with wired(proxy) as wire:
        assert await wire.echoed(b"open")
        proxy.refuse()
        assert await wire.reset()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    proxy.pass_through()
    assert proxy.port == port
    async with wired(proxy) as wire:
        assert await wire.echoed(b"back")


async def test_drop_all_resets_every_connection_and_takes_new_ones(proxy: TcpProxy) -> None:
    async with wired(proxy) as one, wired(proxy) as two:
        assert await one.echoed(b"1")
        assert await two.echoed(b"2")
        proxy.blackhole()
        proxy.drop_all()
        assert await one.reset()
        assert await two.reset()
        await eventually(lambda: proxy.open == 0)
        proxy.pass_through()
        async with wired(proxy) as new:
            assert await new.echoed(b"3")


async def test_a_client_is_reset_when_the_target_refuses_the_proxy(echo: Echo) -> None:
    async with TcpProxy("127.0.0.1", 1) as proxy:
        with pytest.raises(ConnectionError):
            async with wired(proxy) as wire:  # the reset may come before or after the connection
                await wire.hear(1)
        proxy.target_port = echo.port
        async with wired(proxy) as aimed_anew:
            assert await aimed_anew.echoed(b"there")


def test_nothing_of_a_proxy_is_left_when_it_ends() -> None:
    before = threading.active_count()
    with TcpProxy("127.0.0.1", 1) as proxy:
        port = proxy.port
        proxy.blackhole()
        asyncio.run(_opened_and_left(port))
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(_opened_and_left(port))


async def _opened_and_left(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await writer.wait_closed()
