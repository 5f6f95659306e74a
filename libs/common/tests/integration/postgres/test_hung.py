"""A database that accepts and is silent, seen through a pool: bounded waits, then none."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from common.errors import Unavailable
from common.postgres.engine import BREAK_AFTER, CONNECT_TIMEOUT, Database, open_engine
from common.settings.groups import PostgresSettings
from common.testing.postgres import ScratchSchema
from common.testing.waiting import eventually
from devstack.faults.tcp_proxy import TcpProxy

pytestmark = pytest.mark.integration

POOL_TIMEOUT = 2.0  # seconds
PATIENCE = POOL_TIMEOUT + CONNECT_TIMEOUT
CLOSING = 2.0  # seconds the driver gives a connection to say goodbye
SLACK = 4.0  # seconds that a busy machine may add


@pytest.fixture
async def proxy(schema: ScratchSchema) -> AsyncIterator[TcpProxy]:
    address = urlsplit(schema.url)
    async with TcpProxy(address.hostname or "", address.port or 0) as running:
        yield running


@pytest.fixture
async def database(schema: ScratchSchema, proxy: TcpProxy) -> AsyncIterator[Database]:
    direct = str(urlsplit(schema.url).port)
    settings = PostgresSettings(
        url=SecretStr(schema.url.replace(direct, str(proxy.port))),
        pool_size=3,
        pool_timeout=POOL_TIMEOUT,
        statement_timeout=1,
    )
    async with open_engine(settings, schema=schema.name) as opened:
        yield opened


async def ask(database: Database) -> int:
    async with database.read() as session:
        return int(await session.scalar(text("SELECT 1")) or 0)


async def code_of_a_refusal(database: Database) -> str:
    with pytest.raises(Unavailable) as refused:
        await ask(database)
    return refused.value.code


async def test_a_connection_that_went_silent_is_given_up_in_time_and_replaced(
    database: Database, proxy: TcpProxy
) -> None:
    assert await ask(database) == 1
    proxy.blackhole()
    async with asyncio.timeout(PATIENCE + CLOSING + SLACK):
        assert await code_of_a_refusal(database) == "database_unavailable"
    proxy.pass_through()
    assert await ask(database) == 1
    await eventually(lambda: proxy.open == 1)


async def test_a_connection_lost_in_a_short_silence_is_replaced_and_nobody_is_refused(
    database: Database, proxy: TcpProxy
) -> None:
    assert await ask(database) == 1
    proxy.blackhole()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(ask(database))
        await eventually(lambda: proxy.traffic.swallowed > 0)
        proxy.pass_through()
    assert asking.result() == 1


async def test_a_transaction_that_meets_silence_ends_in_time(
    database: Database, proxy: TcpProxy
) -> None:
    async def silenced() -> None:
        async with database.write() as session:
            await session.execute(text("SELECT 1"))
            proxy.blackhole()
            await session.execute(text("SELECT 1"))

    async with asyncio.timeout(2 + CLOSING + SLACK):
        with pytest.raises(Unavailable):
            await silenced()
    proxy.pass_through()
    assert await ask(database) == 1


async def test_after_failures_in_a_row_the_database_is_left_alone_until_one_call_finds_out(
    database: Database, proxy: TcpProxy
) -> None:
    proxy.refuse()
    for _ in range(BREAK_AFTER):
        assert await code_of_a_refusal(database) == "database_unavailable"
    proxy.pass_through()
    asked = proxy.traffic.connections
    for _ in range(10):
        assert await code_of_a_refusal(database) == "database_unavailable"
    assert proxy.traffic.connections == asked

    async def answers() -> bool:
        try:
            return await ask(database) == 1
        except Unavailable:
            return False

    await eventually(answers)
