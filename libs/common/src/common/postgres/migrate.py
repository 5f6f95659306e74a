"""Alembic without an ini file: migrations live in the service's package."""

from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from common.postgres.engine import CONNECT_TIMEOUT, async_url
from common.postgres.failures import CONNECT_ERRORS, translated

if TYPE_CHECKING:
    from alembic.runtime.environment import EnvironmentContext

# seconds for one statement of a migration, or for the wait until another run has ended
STATEMENT_TIMEOUT = 600.0

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('reprise.migrate', 0))")


async def migrate(url: str, package: str, *, schema: str | None = None) -> None:
    """Bring the schema of `package` to its newest migration, in one transaction.

    Two runs at once wait for each other.

    `schema` overrides the one named in the package's env.py (tests use a fresh one). Raises
    Unavailable without a database.
    """
    engine = create_async_engine(
        async_url(url),
        poolclass=NullPool,
        connect_args={"timeout": CONNECT_TIMEOUT, "command_timeout": STATEMENT_TIMEOUT},
    )
    try:
        async with engine.begin() as connection:
            # before Alembic is entered: its context is one per process
            await connection.execute(_ONE_AT_A_TIME)
            await connection.run_sync(_upgrade, package, schema)
    except CONNECT_ERRORS as error:
        raise translated(error) from error
    finally:
        await engine.dispose()


def run_env(context: "EnvironmentContext | Any", *, schema: str) -> None:
    """The whole of a service's migrations/env.py: `run_env(context, schema="catalog")`."""
    connection: Connection = context.config.attributes["connection"]
    chosen: str = context.config.attributes["schema"] or schema
    connection.execute(text("SELECT set_config('search_path', :schema, true)"), {"schema": chosen})
    context.configure(connection=connection, version_table_schema=chosen)
    with context.begin_transaction():
        context.run_migrations()


def _upgrade(connection: Connection, package: str, schema: str | None) -> None:
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, schema=schema)
    command.upgrade(config, "head")
