"""Long reads: rows of one snapshot, fetched as they are used, never all at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Row, text

from common.postgres.engine import Database, open_engine
from common.settings.groups import PostgresSettings

# a whole table may be sorted before its first row comes
STATEMENT_TIMEOUT = 300.0  # seconds


@asynccontextmanager
async def open_for_reading(
    url: SecretStr, schema: str, *, connections: int = 6
) -> AsyncIterator[Database]:
    """A service's schema for a command that reads all of it."""
    settings = PostgresSettings(
        url=url, pool_size=connections, statement_timeout=STATEMENT_TIMEOUT, pool_timeout=30.0
    )
    async with open_engine(settings, schema=schema) as database:
        yield database


async def rows(database: Database, statement: str, **values: object) -> AsyncIterator[Row[Any]]:
    """The rows of a statement, by a cursor of the server's, in a snapshot of their own."""
    async with database.read() as session:
        async for row in await session.stream(text(statement), values):
            yield row
