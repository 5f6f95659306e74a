"""Streams from the store to the socket: no buffering, nothing read for a client that left."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from common.errors import RepriseError
from common.telemetry.logs import get_logger
from delivery.routes.headers import RawHeaders

Body = Callable[[], AsyncGenerator[bytes, None]]

_log = get_logger("delivery.media")


class MediaResponse(Response):
    """Sends the head with the first bytes: a store that fails before gets a proper answer.

    A body that fails later, or a client that takes nothing for `stall` seconds, ends the
    connection: with an exact Content-Length the client then knows that bytes are missing.
    """

    def __init__(
        self,
        status: int,
        headers: RawHeaders,
        body: Body,
        *,
        stall: float,
        refusal: Callable[[RepriseError], Response],
    ) -> None:
        self.status_code = status
        self.raw_headers = headers
        self.background = None
        self.body = b""
        self._chunks = body
        self._stall = stall
        self._refusal = refusal

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stream = _Stream(self.status_code, self.raw_headers, self._stall, send)
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(stream.run(self._chunks))
            watching = group.create_task(_until_disconnect(receive))
            watching.add_done_callback(lambda _: sending.cancel())
            sending.add_done_callback(lambda _: watching.cancel())
        if stream.failure is not None and not stream.started:
            await self._refusal(stream.failure)(scope, receive, send)
        elif not stream.complete:
            # the server closes the connection of an answer that was not ended
            raise ClientDisconnect


class _Stream:
    """One body on its way; keeps what happened instead of raising it through the task group."""

    def __init__(self, status: int, headers: RawHeaders, stall: float, send: Send) -> None:
        self.started = False
        self.complete = False
        self.failure: RepriseError | None = None
        self._head = {"type": "http.response.start", "status": status, "headers": headers}
        self._stall = stall
        self._send = send

    async def run(self, body: Body) -> None:
        chunks = body()
        try:
            async for chunk in chunks:
                await self._pass_on(chunk)
            await self._pass_on(b"", more=False)
            self.complete = True
        except RepriseError as error:
            self.failure = error
            if self.started:
                _log.warning("media.store_broke_off", code=error.code)
        except TimeoutError:
            _log.warning("media.client_stalled", seconds=self._stall)
        finally:
            await chunks.aclose()

    async def _pass_on(self, chunk: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(self._stall):
            if not self.started:
                self.started = True
                await self._send(self._head)
            await self._send({"type": "http.response.body", "body": chunk, "more_body": more})


async def _until_disconnect(receive: Receive) -> None:
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    except HTTPException:
        return  # more of a body than anybody may send: not a client to go on with
