"""A schema beside the live one, of the same role, gone when nobody needs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from common.errors import Invalid
from common.ids import new_event_id
from common.postgres.failures import CONNECT_ERRORS, translated
from common.postgres.migrate import migrate

TIMEOUT = 10.0  # seconds
DROP_TIMEOUT = 300.0  # seconds
_PREFIX = "catalog_verify_"
_LOCK = "SELECT pg_advisory_lock(hashtextextended($1, 0))"
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended($1, 0))"
# a killed run's last statement may go on for a while
_LEFT = (
    "SELECT nspname AS name FROM pg_namespace WHERE nspname LIKE $1 AND NOT EXISTS"
    " (SELECT FROM pg_stat_activity WHERE application_name = 'reprise-' || nspname)"
)


@asynccontextmanager
async def scratch_schema(admin_url: str, url: str) -> AsyncIterator[str]:
    """The name of a fresh, migrated catalog schema in the database of `url`.

    What killed runs left is dropped before: each is as large as the catalog.
    """
    name, role = f"{_PREFIX}{new_event_id().hex[-12:]}", urlsplit(url).username
    if not role:
        raise Invalid("the Postgres URL of the catalog names no role")
    admin = urlunsplit(urlsplit(admin_url)._replace(path=urlsplit(url).path))
    async with _connected(admin) as holder:
        await _drop_left(holder)
        # whoever holds this lock is at work in the schema of that name
        await holder.execute(_LOCK, name)
        await holder.execute(f'CREATE SCHEMA {name} AUTHORIZATION "{role}"')
        try:
            await migrate(url, "catalog", schema=name)
            yield name
        finally:
            async with _connected(admin) as connection:
                await connection.execute(f"DROP SCHEMA {name} CASCADE")


async def _drop_left(connection: "asyncpg.Connection[Any]") -> None:
    for row in await connection.fetch(_LEFT, f"{_PREFIX}%"):
        if await connection.fetchval(_TRY_LOCK, row["name"]):
            await connection.execute(f"DROP SCHEMA IF EXISTS {row['name']} CASCADE")
            await connection.execute(_UNLOCK, row["name"])


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    try:
        connection = await asyncpg.connect(url, timeout=TIMEOUT, command_timeout=DROP_TIMEOUT)
    except CONNECT_ERRORS as error:
        raise translated(error) from error
    try:
        yield connection
    except asyncpg.PostgresError as error:
        raise translated(error) from error
    finally:
        connection.terminate()  # a lock ends with its socket; nothing is under way any more
