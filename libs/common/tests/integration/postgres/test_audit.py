import json
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from common.errors import Conflict
from common.postgres.audit import MAX_JSON, record
from common.postgres.engine import Database
from common.postgres.schema import AUDIT_V1
from common.testing.postgres import scratch_schema

pytestmark = pytest.mark.integration


@pytest.fixture
async def database(admin_url: str) -> AsyncIterator[Database]:
    async with scratch_schema(admin_url, ddl=AUDIT_V1) as made:
        yield made


async def rows(database: Database) -> list[tuple[object, ...]]:
    async with database.read() as session:
        found = await session.execute(
            text("SELECT operator, command, parameters, outcome FROM operator_action ORDER BY id")
        )
        return [tuple(row) for row in found]


async def test_an_action_is_kept_with_its_change(database: Database) -> None:
    async with database.write() as session:
        await record(
            session, "ada", "dlq discard", {"ids": ["a"], "nul": "a\0b\\u0000"}, {"discarded": 1}
        )
    assert await rows(database) == [
        ("ada", "dlq discard", {"ids": ["a"], "nul": "ab\\u0000"}, {"discarded": 1})
    ]


async def test_an_action_that_rolled_back_was_never_done(database: Database) -> None:
    async def fails_afterwards() -> None:
        async with database.write() as session:
            await record(session, "ada", "dlq discard", {}, {})
            raise Conflict

    with pytest.raises(Conflict):
        await fails_afterwards()
    assert await rows(database) == []


async def test_secrets_never_reach_the_row(database: Database) -> None:
    canary = "canarycanarycanary"
    given = {"reason": f"see https://h/m/k?t={canary}", "token": canary, "url": [f"?a&t={canary}"]}
    async with database.write() as session:
        await record(session, "ada", f"x ?t={canary}", given, {"authorization": canary})
    assert canary not in json.dumps(await rows(database))


async def test_a_long_list_becomes_its_length(database: Database) -> None:
    async with database.write() as session:
        await record(session, "ada", "x", {"ids": ["i"] * MAX_JSON}, {})
    ((_, _, parameters, _),) = await rows(database)
    assert isinstance(parameters, dict)
    assert parameters["left_out_bytes"] > MAX_JSON
