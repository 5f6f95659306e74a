"""Writes server-sent events: a response without end, for one listener."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from common.clock import Clock, SystemClock
from upload_gateway.domain.errors import StreamOver
from upload_gateway.domain.telling import News
from upload_gateway.ports.telling import Listener
from upload_gateway.routes.schemas import change_of, progress_of

RETRY = b"retry: 1000\n\n"  # milliseconds after which a reader that lost its stream comes back
ALIVE = b": alive\n\n"
SLOW = 30.0  # seconds that a reader may take nothing

HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # for proxies in front that hold answers back
}


class EventStream(Response):
    """Lasts `life` seconds at most, so that a caller's right is looked at again.

    Says that it is alive after `heartbeat` seconds of silence. Ends at once when its reader is
    gone, and by a cut when the reader takes nothing for `patience` seconds; `places` is closed
    then.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        listener: Listener,
        first: bytes,
        places: AsyncExitStack,
        *,
        life: float,
        heartbeat: float,
        patience: float = SLOW,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._listener, self._first, self._places = listener, first, places
        self._life, self._heartbeat, self._patience = life, heartbeat, patience
        self._clock = clock or SystemClock()

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._places:
            head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(head)
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._end_with_reader(receive))
                taken = await self._written(send)
                watch.cancel()
            if not taken:
                raise ClientDisconnect

    async def _written(self, send: Send) -> bool:
        """False when the reader took nothing for too long."""
        try:
            async for block in self._blocks():
                await self._send(send, block, more=True)
            await self._send(send, b"", more=False)
        except TimeoutError:
            return False
        return True

    async def _send(self, send: Send, block: bytes, *, more: bool) -> None:
        async with asyncio.timeout(self._patience):
            await send({"type": "http.response.body", "body": block, "more_body": more})

    async def _end_with_reader(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._listener.end()

    async def _blocks(self) -> AsyncIterator[bytes]:
        yield RETRY + self._first
        until = self._clock.monotonic() + self._life
        while (left := until - self._clock.monotonic()) > 0:
            try:
                news = await self._listener.heard(min(self._heartbeat, left))
            except StreamOver:
                break
            yield ALIVE if news is None else said(news)
        yield RETRY


def said(news: News) -> bytes:
    """All of it, entries with their numbers; progress has none, nobody needs to hear it again."""
    blocks = [event(told.entry.about, change_of(told.entry), told.number) for told in news.told]
    if news.moving:
        blocks.append(event("progress", progress_of(news.moving)))
    return b"".join(blocks)


def event(name: str, data: BaseModel, number: int | None = None) -> bytes:
    place = "" if number is None else f"id: {number}\n"
    return f"event: {name}\n{place}data: {data.model_dump_json()}\n\n".encode()
