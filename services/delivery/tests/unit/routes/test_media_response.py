"""What happens to the read when the client leaves or takes nothing."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message

from common.errors import RepriseError, Unavailable
from delivery.routes.media_response import MediaResponse


class Client:
    """The server's side of a connection: takes `takes` messages, then leaves or hangs."""

    def __init__(self, takes: int, *, leaves: bool) -> None:
        self.got: list[Message] = []
        self._takes, self._leaves = takes, leaves
        self._left = asyncio.Event()

    async def send(self, message: Message) -> None:
        if len(self.got) >= self._takes:
            if self._leaves:
                self._left.set()
            await asyncio.Event().wait()
        self.got.append(message)

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}


class Source:
    """An endless body, unless it breaks, that notes when it was closed."""

    def __init__(self, breaks_after: int | None = None) -> None:
        self.read = 0
        self.closed = False
        self._breaks_after = breaks_after

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                if self.read == self._breaks_after:
                    raise Unavailable("the store broke off", code="storage_unavailable")
                self.read += 1
                yield b"x" * 10
        finally:
            self.closed = True


def response(source: Source, stall: float = 30.0) -> MediaResponse:
    def refusal(error: RepriseError) -> Response:
        return Response(error.code, 503)

    return MediaResponse(200, [], source.chunks, stall=stall, refusal=refusal)


async def test_a_client_that_leaves_ends_the_read_at_once() -> None:
    source, client = Source(), Client(3, leaves=True)
    with pytest.raises(ClientDisconnect):
        await response(source)({"type": "http"}, client.receive, client.send)
    assert source.closed
    assert source.read == 3


async def test_a_client_that_takes_nothing_is_cut_off() -> None:
    source, client = Source(), Client(2, leaves=False)
    with pytest.raises(ClientDisconnect):
        await response(source, stall=0.05)({"type": "http"}, client.receive, client.send)
    assert source.closed
    assert client.got[-1].get("more_body")


async def test_a_client_that_sends_more_than_it_may_is_left() -> None:
    source, client = Source(), Client(3, leaves=False)

    async def refusing() -> Message:
        raise HTTPException(413)

    with pytest.raises(ClientDisconnect):
        await response(source)({"type": "http"}, refusing, client.send)


async def test_a_body_that_breaks_is_never_ended_as_if_it_were_whole() -> None:
    source, client = Source(breaks_after=3), Client(100, leaves=False)
    with pytest.raises(ClientDisconnect):
        await response(source)({"type": "http"}, client.receive, client.send)
    assert source.closed
    assert [message.get("more_body") for message in client.got] == [None, True, True, True]


async def test_a_store_that_fails_before_the_first_byte_gets_a_proper_answer() -> None:
    source, client = Source(breaks_after=0), Client(100, leaves=False)
    await response(source)({"type": "http"}, client.receive, client.send)
    assert client.got[0]["status"] == 503
    assert client.got[1]["body"] == b"storage_unavailable"
