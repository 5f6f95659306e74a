import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
from gateway_support.bench import OWNER
from starlette.requests import ClientDisconnect
from starlette.types import Message

from upload_gateway.adapters.memory_streams import MemoryStreams
from upload_gateway.routes.event_stream import EventStream

SCOPE = {"type": "http"}


@dataclass
class Client:
    """What a client has received; `deaf` takes nothing, `left` is its hanging up."""

    deaf: bool = False
    body: bytes = b""
    whole: bool = False
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            if self.deaf:
                await asyncio.Event().wait()
            self.body += message["body"]
            self.whole = not message["more_body"]


async def stream(streams: MemoryStreams, *, life: float = 60, heartbeat: float = 60) -> EventStream:
    places = AsyncExitStack()
    listener = await places.enter_async_context(streams.open(OWNER))
    listener.begin(0)
    return EventStream(
        listener, b"event: first\n\n", places, life=life, heartbeat=heartbeat, patience=0.05
    )


async def test_it_says_first_when_to_come_back_then_that_it_lives_and_ends_with_its_life() -> None:
    streams, client = MemoryStreams(1, 1), Client()
    await (await stream(streams, life=0.1, heartbeat=0.04))(SCOPE, client.receive, client.send)
    assert client.body.startswith(b"retry: 1000\n\nevent: first\n\n: alive\n\n")
    assert client.body.endswith(b"retry: 1000\n\n")
    assert client.whole
    assert streams.count == 0


async def test_a_client_that_takes_nothing_is_cut_and_its_place_comes_back() -> None:
    streams, client = MemoryStreams(1, 1), Client(deaf=True)
    with pytest.raises(ClientDisconnect):
        await (await stream(streams))(SCOPE, client.receive, client.send)
    assert streams.count == 0


async def test_a_client_that_leaves_gives_its_place_back_at_once() -> None:
    streams, client = MemoryStreams(1, 1), Client()
    client.left.set()
    async with asyncio.timeout(5):
        await (await stream(streams))(SCOPE, client.receive, client.send)
    assert streams.count == 0
