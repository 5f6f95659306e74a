import asyncio
from urllib.parse import urlsplit, urlunsplit

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from common.errors import Invalid, Unavailable
from common.postgres.engine import Database, after_commit, open_engine
from common.settings.groups import PostgresSettings
from common.testing.postgres import ScratchSchema

pytestmark = pytest.mark.integration


async def test_a_write_that_raises_leaves_nothing(schema: ScratchSchema) -> None:
    async def fails_afterwards() -> None:
        async with schema.database.write() as session:
            await session.execute(text("INSERT INTO inbox VALUES ('c', gen_random_uuid())"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails_afterwards()

    async with schema.database.read() as reading:
        assert await reading.scalar(text("SELECT count(*) FROM inbox")) == 0


async def test_a_read_session_cannot_write(schema: ScratchSchema) -> None:
    with pytest.raises((DBAPIError, Unavailable)):
        async with schema.database.read() as session:
            await session.execute(text("INSERT INTO inbox VALUES ('c', gen_random_uuid())"))


async def test_a_read_sees_one_snapshot(schema: ScratchSchema) -> None:
    async with schema.database.read() as reading:
        before = await reading.scalar(text("SELECT count(*) FROM inbox"))
        async with schema.database.write() as session:
            await session.execute(text("INSERT INTO inbox VALUES ('c', gen_random_uuid())"))
        assert await reading.scalar(text("SELECT count(*) FROM inbox")) == before


async def test_one_statement_alone_is_committed_at_once(schema: ScratchSchema) -> None:
    count = text("SELECT count(*) FROM inbox")
    async with schema.database.read() as reading:
        before = await reading.scalar(count)
        rows = await schema.database.alone(
            text("INSERT INTO inbox VALUES (:who, gen_random_uuid()) RETURNING consumer"),
            {"who": "alone"},
        )
        assert [row.consumer for row in rows] == ["alone"]
        assert (await schema.database.alone(count))[0].count == (before or 0) + 1
        assert await reading.scalar(count) == before


async def test_a_wake_follows_the_commit_and_never_a_roll_back(schema: ScratchSchema) -> None:
    wake = schema.database.wake("outbox")

    async def fails_afterwards() -> None:
        async with schema.database.write() as session:
            after_commit(session, "outbox")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails_afterwards()
    assert not wake.is_set()

    async with schema.database.write() as session:
        after_commit(session, "outbox")
        assert not wake.is_set()
    assert wake.is_set()


async def test_a_violated_constraint_is_left_to_the_adapter(schema: ScratchSchema) -> None:
    row = text("INSERT INTO inbox VALUES ('c', '00000000-0000-0000-0000-000000000001')")

    async def insert() -> None:
        async with schema.database.write() as session:
            await session.execute(row)

    await insert()
    with pytest.raises(IntegrityError):
        await insert()


async def test_a_value_that_fits_no_column_is_a_bug_not_an_outage(schema: ScratchSchema) -> None:
    with pytest.raises(DBAPIError):
        async with schema.database.write() as session:
            await session.execute(
                text("INSERT INTO inbox VALUES (:consumer, gen_random_uuid())"), {"consumer": 7}
            )


async def test_a_database_frozen_in_mid_statement_is_unavailable(schema: ScratchSchema) -> None:
    hasty = PostgresSettings(url=schema.settings.url, statement_timeout=0.1)

    async def hangs(database: Database) -> None:
        async with database.write() as session:
            await session.execute(text("SET LOCAL statement_timeout = 0"))
            await session.execute(text("SELECT pg_sleep(5)"))

    async with open_engine(hasty, schema=schema.name) as database:
        with pytest.raises(Unavailable):
            await hangs(database)


async def test_a_full_pool_is_unavailable_not_a_hang(schema: ScratchSchema) -> None:
    small = PostgresSettings(url=schema.settings.url, pool_size=2, pool_timeout=0.05)
    async with (
        open_engine(small, schema=schema.name) as database,
        database.read(),
        database.read(),
    ):
        with pytest.raises(Unavailable) as refused:
            async with database.read():
                pytest.fail("there was a third connection")
    assert refused.value.code == "database_busy"


async def test_a_slow_statement_is_ended_and_unavailable(schema: ScratchSchema) -> None:
    hasty = PostgresSettings(url=schema.settings.url, statement_timeout=0.1)
    async with open_engine(hasty, schema=schema.name) as database:
        with pytest.raises(Unavailable) as refused:
            async with database.read() as session:
                await session.execute(text("SELECT pg_sleep(5)"))
    assert refused.value.code == "database_slow"


async def test_the_pool_recovers_from_connections_the_server_ended(schema: ScratchSchema) -> None:
    async with schema.database.read() as session:
        mine = await session.scalar(text("SELECT pg_backend_pid()"))
    settings = PostgresSettings(url=schema.settings.url, pool_size=2)
    async with (
        open_engine(settings, schema=schema.name) as other,
        other.write() as session,
    ):
        await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})

    await schema.database.check()


async def test_an_engine_opens_without_a_database_and_says_so_when_asked() -> None:
    nowhere = PostgresSettings(url=SecretStr("postgresql://nobody:x@127.0.0.1:9/nothing"))
    async with open_engine(nowhere, schema="x") as database:
        with pytest.raises(Unavailable) as refused:
            await database.check()
    assert refused.value.code == "database_unavailable"


async def test_an_engine_refuses_a_database_that_forgets_commits(schema: ScratchSchema) -> None:
    role = f"hasty_{schema.name}"
    async with schema.database.write() as session:
        await session.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'x'"))
        await session.execute(text(f"ALTER ROLE {role} SET synchronous_commit = off"))
    at = urlsplit(schema.url)
    url = urlunsplit(at._replace(netloc=f"{role}:x@{at.hostname}:{at.port}"))

    with pytest.raises(Invalid, match="synchronous_commit"):
        async with open_engine(PostgresSettings(url=SecretStr(url)), schema=schema.name):
            pytest.fail("it was opened")


async def test_a_deadlock_is_worth_another_try(schema: ScratchSchema) -> None:
    async with schema.database.write() as session:
        await session.execute(
            text(
                "INSERT INTO inbox SELECT 'c' || n, gen_random_uuid() FROM generate_series(1, 2) n"
            )
        )
    both = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> None:
        async with schema.database.write() as session:
            sql = text("UPDATE inbox SET seen_at = now() WHERE consumer = :c")
            await session.execute(sql, {"c": first})
            await both.wait()
            await session.execute(sql, {"c": second})

    results = await asyncio.gather(lock("c1", "c2"), lock("c2", "c1"), return_exceptions=True)

    (loser,) = [result for result in results if result is not None]
    assert isinstance(loser, Unavailable)
    assert loser.code == "database_conflict"
