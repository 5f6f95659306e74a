"""A TCP proxy in front of the store that cuts answers off after some bytes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class CuttingProxy:
    """Passes everything on; the first `cuts` answers end after `after` bytes, without a word."""

    def __init__(self, host: str, port: int) -> None:
        self.cuts = 0
        self.after = 0
        self.connections = 0
        self.resets = 0
        self.heads: list[bytes] = []
        self._upstream = (host, port)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        try:
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(self._ask(reader, up_writer))
                await self._answer(up_reader, writer)
                asking.cancel()
        except* OSError as errors:
            self.resets += len(errors.exceptions)
        finally:
            writer.close()
            up_writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.heads.append(data)
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self.after if self.cuts > 0 else None
        while data := await reader.read(65536 if left is None else max(1, min(left, 65536))):
            writer.write(data)
            await writer.drain()
            if left is not None:
                left -= len(data)
                if left <= 0:
                    self.cuts -= 1
                    return


@contextlib.asynccontextmanager
async def cutting_proxy(host: str, port: int) -> AsyncIterator[tuple[CuttingProxy, int]]:
    """The proxy and the port it listens on."""
    proxy = CuttingProxy(host, port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    async with server:
        yield proxy, server.sockets[0].getsockname()[1]
