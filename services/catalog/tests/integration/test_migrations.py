import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from services.catalog.tests.integration.real_catalog import RealCatalog
from sqlalchemy import Connection

from catalog.adapters.tables import METADATA

pytestmark = pytest.mark.integration


def of_the_catalog(name: str | None, kind: str, parents: object) -> bool:
    """The outbox and Alembic's own table are described elsewhere."""
    return kind != "table" or name in METADATA.tables


def differences(connection: Connection) -> list[str]:
    opts = {"compare_type": True, "include_name": of_the_catalog}
    context = MigrationContext.configure(connection, opts=opts)
    # indexes, defaults and foreign keys are said in the migrations alone
    told = {"add_table", "add_column", "remove_column", "modify_type", "modify_nullable"}
    flat = [
        item
        for change in compare_metadata(context, METADATA)
        for item in (change if isinstance(change, list) else [change])
    ]
    return [str(item) for item in flat if item[0] in told]


async def test_the_tables_in_code_are_those_the_migrations_make(catalog: RealCatalog) -> None:
    async with catalog.database.read() as session:
        assert await session.run_sync(differences) == []
