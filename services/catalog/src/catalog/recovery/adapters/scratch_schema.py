"""A schema beside the live one, of the same role, gone when nobody needs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from common.errors import Invalid
from common.ids import new_event_id
from common.postgres.failures import CONNECT_ERRORS, translated
from common.postgres.migrate import migrate

TIMEOUT = 10.0  # seconds
DROP_TIMEOUT = 300.0  # seconds


@asynccontextmanager
async def scratch_schema(admin_url: str, url: str) -> AsyncIterator[str]:
    """The name of a fresh, migrated catalog schema in the database of `url`."""
    name, role = f"catalog_verify_{new_event_id().hex[-12:]}", urlsplit(url).username
    if not role:
        raise Invalid("the Postgres URL of the catalog names no role")
    admin = urlunsplit(urlsplit(admin_url)._replace(path=urlsplit(url).path))
    await _run(admin, f'CREATE SCHEMA {name} AUTHORIZATION "{role}"', TIMEOUT)
    try:
        await migrate(url, "catalog", schema=name)
        yield name
    finally:
        await _run(admin, f"DROP SCHEMA {name} CASCADE", DROP_TIMEOUT)


async def _run(url: str, statement: str, timeout: float) -> None:
    try:
        connection = await asyncpg.connect(url, timeout=TIMEOUT, command_timeout=timeout)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
    except CONNECT_ERRORS as error:
        raise translated(error) from error
