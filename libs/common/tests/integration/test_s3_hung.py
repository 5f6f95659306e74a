"""A store that accepts and is silent, or takes no byte, seen through the production adapter."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from common.errors import Unavailable
from common.resilience import Breaker
from common.s3.calls import StoreCalls
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.settings.groups import S3Settings
from devstack.faults.tcp_proxy import TcpProxy
from devstack.stack import Stack

pytestmark = pytest.mark.integration

SILENCE = 0.5  # seconds
BODY = b"x" * (32 << 20)  # more than all buffers of the kernel on its way

Ask = Callable[[ObjectStore], Awaitable[object]]


@asynccontextmanager
async def store_at(port: int, breaker: Breaker | None = None) -> AsyncIterator[ObjectStore]:
    settings = S3Settings(
        endpoint=f"http://127.0.0.1:{port}",
        access_key_id="id",
        secret_access_key=SecretStr("secret"),
    )
    async with open_s3(settings) as client:
        yield ObjectStore(client, "any", calls=StoreCalls(breaker=breaker, silence=SILENCE))


@pytest.fixture
async def silent(infra: Stack) -> AsyncIterator[TcpProxy]:
    port = urlsplit(infra.env["MEDIA_S3_ENDPOINT"]).port or 0
    async with TcpProxy("127.0.0.1", port) as proxy:
        proxy.blackhole()
        yield proxy


@pytest.fixture
def deaf() -> Iterator[int]:
    """The port of a server that accepts and never reads, as a stopped process does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept: list[socket.socket] = []
        threading.Thread(target=lambda: kept.append(listener.accept()[0]), daemon=True).start()
        yield listener.getsockname()[1]
        for one in kept:
            one.close()


async def listed(store: ObjectStore) -> None:
    async for _ in store.list("u/"):
        pass


async def streamed(store: ObjectStore) -> None:
    async for _ in store.stream("u/a"):
        pass


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda store: store.check(), id="check"),
        pytest.param(lambda store: store.put("u/a", b"x", content_type="a/b"), id="put"),
        pytest.param(lambda store: store.upload_part("u/a", "id", 1, b"x"), id="part"),
        pytest.param(lambda store: store.create_multipart("u/a", "a/b"), id="create"),
        pytest.param(lambda store: store.abort_multipart("u/a", "id"), id="abort"),
        pytest.param(lambda store: store.delete("u/a"), id="delete"),
        pytest.param(listed, id="list"),
        pytest.param(streamed, id="stream"),
    ],
)
async def test_no_call_waits_for_a_silent_store(silent: TcpProxy, ask: Ask) -> None:
    async with store_at(silent.port) as store:
        async with asyncio.timeout(10 * SILENCE):
            with pytest.raises(Unavailable) as refused:
                await ask(store)
    assert refused.value.code == "storage_unavailable"


async def test_a_body_that_nobody_takes_is_given_up(deaf: int) -> None:
    async with store_at(deaf) as store:
        async with asyncio.timeout(10 * SILENCE):
            with pytest.raises(Unavailable):
                await store.upload_part("u/a", "id", 1, BODY)


async def test_a_silent_store_is_left_alone_after_failures_in_a_row(silent: TcpProxy) -> None:
    async with store_at(silent.port, Breaker(failures=2, pause=60)) as store:
        for _ in range(20):
            with pytest.raises(Unavailable):
                await store.head("u/a")
    assert silent.traffic.connections == 2
