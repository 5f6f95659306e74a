"""A fresh, migrated schema or database for one integration test, dropped afterwards."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
from pydantic import SecretStr

from common.ids import new_event_id
from common.postgres.engine import Database, open_engine
from common.postgres.migrate import migrate
from common.postgres.provision import provision
from common.settings.groups import PostgresSettings


@dataclass(frozen=True, slots=True)
class ScratchSchema:
    """Where it is; `open_engine(scratch.settings, schema=scratch.name)` opens another pool."""

    name: str
    url: str
    settings: PostgresSettings
    database: Database


@asynccontextmanager
async def scratch_schema(
    admin_url: str, package: str | None = None, *, ddl: Sequence[str] = ()
) -> AsyncIterator[Database]:
    """A Database on a fresh schema with the migrations of `package` (or just `ddl`) applied."""
    async with scratch(admin_url, package, ddl=ddl) as made:
        yield made.database


@asynccontextmanager
async def scratch(
    admin_url: str, package: str | None = None, *, ddl: Sequence[str] = ()
) -> AsyncIterator[ScratchSchema]:
    """As `scratch_schema`, with the address for further connections."""
    name = f"test_{new_event_id().hex}"
    await _run(admin_url, f"CREATE SCHEMA {name}")
    try:
        if package is not None:
            await migrate(admin_url, package, schema=name)
        if ddl:
            await _run(admin_url, f"SET search_path = {name}", *ddl)
        settings = PostgresSettings(url=SecretStr(admin_url), pool_size=5)
        async with open_engine(settings, schema=name) as database:
            yield ScratchSchema(name, admin_url, settings, database)
    finally:
        await _run(admin_url, f"DROP SCHEMA {name} CASCADE")


@asynccontextmanager
async def service_database(admin_url: str, service: str) -> AsyncIterator[str]:
    """The URL of a database that nobody else uses, as `reprise setup` makes it for a service.

    It has the service's role, which the URL names, and its migrated schema.
    """
    package = service.replace("-", "_")
    name = f"{package}_{new_event_id().hex}"
    place = urlsplit(admin_url).netloc.rpartition("@")[2]
    url = f"postgresql://{name}:secret@{place}/{name}"
    await provision(admin_url, {service: url})
    try:
        await migrate(url, package)
        yield url
    finally:
        await _run(admin_url, f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {name}")


async def _run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url, timeout=10, command_timeout=30)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
