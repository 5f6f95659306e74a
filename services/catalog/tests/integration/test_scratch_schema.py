"""What a killed verify left goes with the next one; what another is at work in stays."""

import asyncpg
import pytest

from catalog.recovery.adapters.scratch_schema import scratch_schema
from common.testing.postgres import service_database
from devstack.stack import Stack

pytestmark = pytest.mark.integration


async def test_schemas_of_killed_runs_are_dropped_and_those_of_others_are_not(
    infra: Stack,
) -> None:
    admin = infra.env["REPRISE_POSTGRES_ADMIN_URL"]
    async with service_database(admin, "catalog") as url:
        role = await asyncpg.connect(admin.rpartition("/")[0] + "/" + url.rpartition("/")[2])
        await role.execute("CREATE SCHEMA catalog_verify_0123456789ab")
        async with scratch_schema(admin, url) as one, scratch_schema(admin, url) as other:
            assert await schemas(role) == {one, other}
        assert await schemas(role) == set()
        await role.close()


async def schemas(connection: "asyncpg.Connection[asyncpg.Record]") -> set[str]:
    rows = await connection.fetch(
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'catalog_verify_%'"
    )
    return {row["nspname"] for row in rows}
