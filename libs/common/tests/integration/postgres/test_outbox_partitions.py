"""Months of the outbox: what was there moves along, no commit fails, order and uniqueness stay."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date

import pytest
from libs.common.tests.integration.records import append_all, fact
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from common.events import Message
from common.ids import new_asset_id
from common.postgres.engine import Database, WriteSession
from common.postgres.outbox import FETCH, MARK, OLDEST, PENDING, PostgresOutboxSource, append
from common.postgres.outbox_partitions import make_partitions
from common.postgres.schema import OUTBOX_V1, OUTBOX_V2
from common.testing.postgres import ScratchSchema, scratch
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

MANY = 10_000_000  # bytes
APPEND_V1 = text("""
INSERT INTO outbox (event_id, topic, key, subject, sequence, type, headers, payload, occurred_at,
    appended_at, published_at)
VALUES (:id, :topic, :key, :key, :sequence, :type, CAST(:headers AS jsonb), :payload, :time,
    CAST(:month AS date), :published)
""")
AT_ONCE = 20_000  # rows of a statement
FILL = text("""
INSERT INTO outbox (month, event_id, topic, key, subject, sequence, type, headers, payload,
    occurred_at, published_at, kafka_partition, kafka_offset)
SELECT (date '2026-01-01' + (n % CAST(:months AS integer)) * interval '1 month')::date,
    gen_random_uuid(), 't', n::text, 's', 1, 'x', '{}', 'payload', now(), now(), 0, n
FROM generate_series(CAST(:first AS integer) + 1, CAST(:first AS integer) + :rows) AS n
""")
MONTHS = text("SELECT month, count(*) FROM outbox GROUP BY month ORDER BY month")
PARTITION = text("SELECT tableoid::regclass::text FROM outbox ORDER BY position")
THIS_MONTH = text("SELECT date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')::date")


@pytest.fixture
async def before(admin_url: str) -> AsyncIterator[ScratchSchema]:
    async with scratch(admin_url, ddl=OUTBOX_V1) as made:
        yield made


async def migrate(database: Database) -> None:
    async with database.write() as session:
        for statement in OUTBOX_V2:
            await session.execute(text(statement.replace(":", r"\:").replace(r"\:\:", "::")))


async def append_v1(session: WriteSession, message: Message, month: date, *, sent: bool) -> None:
    envelope = message.envelope
    values = {
        "id": envelope.id,
        "topic": message.topic,
        "key": message.key,
        "sequence": envelope.sequence,
        "type": envelope.type,
        "headers": json.dumps({name: value.decode() for name, value in message.headers()}),
        "payload": message.payload,
        "time": envelope.time,
        "month": month,
        "published": envelope.time if sent else None,
    }
    await session.execute(APPEND_V1, values)


async def fetched(schema: ScratchSchema) -> list[tuple[int, Message]]:
    source = PostgresOutboxSource(schema.url, "any", schema=schema.name)
    await source.lead()
    rows, *_ = await source.fetch(1000, MANY)
    await source.resign()
    return rows


async def rows_of(schema: ScratchSchema, statement: str) -> list[str]:
    async with schema.database.read() as session:
        return list(await session.scalars(text(statement)))


async def test_what_was_there_before_the_months_moves_along(before: ScratchSchema) -> None:
    asset = new_asset_id()
    messages = [fact(asset, n) for n in range(1, 4)]
    months = [date(2024, 1, 1), date(2024, 3, 1), date(2024, 3, 1)]
    async with before.database.write() as session:
        for message, month in zip(messages, months, strict=True):
            await append_v1(session, message, month, sent=message is messages[0])
    positions = await rows_of(before, "SELECT position FROM outbox ORDER BY position")

    await migrate(before.database)

    assert await rows_of(before, "SELECT position FROM outbox ORDER BY position") == positions
    assert [row[1] for row in await fetched(before)] == messages[1:]
    async with before.database.read() as session:
        counts = [tuple(row) for row in await session.execute(MONTHS)]
    assert counts == [(date(2024, 1, 1), 1), (date(2024, 3, 1), 2)]
    assert await rows_of(before, "SELECT position FROM outbox_default") == []
    with pytest.raises(IntegrityError):
        await append_all(before.database, [messages[2]])
    await append_all(before.database, [fact(asset, 4)])
    assert max(await rows_of(before, "SELECT position FROM outbox")) > max(positions)


async def test_the_months_ahead_are_made_once(schema: ScratchSchema) -> None:
    assert await make_partitions(schema.url, schema.name) == []
    made = await make_partitions(schema.url, schema.name, more=[date(2031, 5, 1)])
    assert made == ["outbox_2031_05"]
    both = await asyncio.gather(
        *(make_partitions(schema.url, schema.name, more=[date(2031, 6, 1)]) for _ in range(2))
    )
    assert sorted(map(len, both)) == [0, 1]


async def without_this_month(schema: ScratchSchema) -> str:
    """As after a year in which nobody made partitions."""
    async with schema.database.write() as session:
        month: date = (await session.execute(THIS_MONTH)).scalar_one()
        name = f"outbox_{month:%Y_%m}"
        await session.execute(text(f"DROP TABLE {name}"))
    return name


async def test_a_month_that_nobody_made_takes_rows_and_is_made_with_them(
    schema: ScratchSchema,
) -> None:
    asset = new_asset_id()
    name = await without_this_month(schema)
    await append_all(schema.database, [fact(asset, 1), fact(asset, 2)])
    async with schema.database.read() as session:
        assert list(await session.scalars(PARTITION)) == ["outbox_default"] * 2

    assert await make_partitions(schema.url, schema.name) == [name]

    await append_all(schema.database, [fact(asset, 3)])
    async with schema.database.read() as session:
        assert list(await session.scalars(PARTITION)) == [name] * 3
    assert [row[1].envelope.sequence for row in await fetched(schema)] == [1, 2, 3]


async def test_no_commit_fails_while_a_month_is_made_with_its_rows(schema: ScratchSchema) -> None:
    name = await without_this_month(schema)
    enough = asyncio.Event()

    async def write(written: list[int]) -> None:
        asset = new_asset_id()
        while not enough.is_set():
            await append_all(schema.database, [fact(asset, len(written) + 1)])
            written.append(1)

    counts: list[list[int]] = [[], [], []]
    async with asyncio.TaskGroup() as group:
        for written in counts:
            group.create_task(write(written))
        await eventually(lambda: min(map(len, counts)) >= 20)
        assert await make_partitions(schema.url, schema.name) == [name]
        before = min(map(len, counts))
        await eventually(lambda: min(map(len, counts)) >= before + 20)
        enough.set()

    async with schema.database.read() as session:
        assert set(await session.scalars(PARTITION)) == {name}
        total = await session.scalar(text("SELECT count(*) FROM outbox"))
    assert total == sum(map(len, counts))


async def test_a_place_in_a_history_is_taken_once_across_months(schema: ScratchSchema) -> None:
    asset = new_asset_id()
    await append_all(schema.database, [fact(asset, 1), fact(asset, 2)])
    async with schema.database.write() as session:
        await session.execute(text("UPDATE outbox SET month = '2020-01-01'"))

    for sequence in (1, 2):
        with pytest.raises(IntegrityError, match="outbox_sequence_grows"):
            await append_all(schema.database, [fact(asset, sequence)])


async def test_a_second_writer_of_a_key_takes_its_position_after_the_first_has_committed(
    schema: ScratchSchema,
) -> None:
    """Positions of different keys may be out of commit order; those of one key never are."""
    asset, other = new_asset_id(), new_asset_id()
    first_appended, go_on = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with schema.database.write() as session:
            await append(session, fact(other, 1))
            await append(session, fact(asset, 1))
            first_appended.set()
            await go_on.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(first())
        await first_appended.wait()
        second = group.create_task(append_all(schema.database, [fact(asset, 2)]))
        await append_all(schema.database, [fact(new_asset_id(), 1)])
        assert not second.done()
        # committed before the rows of lower positions: published first, and nobody's order breaks
        assert [row[1].key for row in await fetched(schema)] not in ([str(asset)], [str(other)])
        go_on.set()

    of_asset = [row for row in await fetched(schema) if row[1].key == str(asset)]
    assert [row[1].envelope.sequence for row in of_asset] == [1, 2]


async def grown(schema: ScratchSchema, months: int, rows: int) -> None:
    """That many months, and published rows spread over them."""
    more = [date(2026 + n // 12, n % 12 + 1, 1) for n in range(months)]
    await make_partitions(schema.url, schema.name, more=more)
    for start in range(0, rows, AT_ONCE):
        async with schema.database.write() as session:
            await session.execute(FILL, {"months": months, "first": start, "rows": AT_ONCE})
    async with schema.database.write() as session:
        await session.execute(text("ANALYZE outbox"))


@pytest.mark.parametrize(
    "rows", [20_000, pytest.param(1_000_000, marks=[pytest.mark.long, pytest.mark.timeout(300)])]
)
async def test_published_rows_are_never_read_however_many_there_are(
    schema: ScratchSchema, rows: int
) -> None:
    await grown(schema, months=36, rows=rows)
    await append_all(schema.database, [fact(new_asset_id(), 1) for _ in range(50)])
    source = PostgresOutboxSource(schema.url, "any", schema=schema.name)
    assert await source.lead()
    waiting, *_ = await source.fetch(1000, MANY)
    months = {source._months[position] for position, _ in waiting}
    async with source.mapped() as connection:

        async def plan(statement: str, *values: object) -> dict[str, object]:
            explained = await connection.fetchval(
                f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", *values
            )
            told: dict[str, object] = json.loads(explained)[0]["Plan"]
            return told

        for statement, values in (
            (FETCH, (1000, MANY)),
            (PENDING, (100_000,)),
            (OLDEST, ()),
        ):
            scans = leaves(await plan(statement, *values))
            by_index = [scan for scan in scans if "Index Name" in scan]
            assert len(by_index) >= 36
            assert all("position_idx" in str(scan["Index Name"]) for scan in by_index)
            assert sum(read(scan) for scan in scans) <= 50, scans

        positions = [position for position, _ in waiting]
        places = [list(range(50)), list(range(50))]
        (month,) = months
        marked = await plan(MARK, positions, *places, ["compacted"], month)
        scans = [scan for scan in leaves(marked) if str(scan.get("Relation Name", ""))]
        assert {scan["Relation Name"] for scan in scans} == {f"outbox_{month:%Y_%m}"}
        assert {scan["Node Type"] for scan in scans} == {"Index Scan"}
        assert sum(read(scan) for scan in scans) == 50
    await source.resign()


def leaves(plan: dict[str, object]) -> list[dict[str, object]]:
    children = plan.get("Plans")
    if not isinstance(children, list):
        return [plan]
    return [leaf for child in children for leaf in leaves(child)]


def read(scan: dict[str, object]) -> float:
    """Rows a scan returned or threw away."""
    told = [scan.get(name, 0) for name in ("Actual Rows", "Rows Removed by Filter")]
    returned, removed, loops = *told, scan.get("Actual Loops", 1)
    assert isinstance(returned, int | float)
    assert isinstance(removed, int | float)
    assert isinstance(loops, int)
    return (returned + removed) * loops


async def test_a_month_that_cannot_be_made_keeps_no_relay_from_publishing(
    schema: ScratchSchema,
) -> None:
    async with schema.database.write() as session:
        names = text(
            "SELECT max(inhrelid::regclass::text) FROM pg_inherits"
            " WHERE inhparent = 'outbox'::regclass AND inhrelid::regclass::text ~ '[0-9]'"
        )
        last = await session.scalar(names)
        await session.execute(text(f"DROP TABLE {last}"))
        await session.execute(text(f"CREATE DOMAIN {last} AS integer"))
    await append_all(schema.database, [fact(new_asset_id(), 1)])
    source = PostgresOutboxSource(schema.url, "any", schema=schema.name)
    assert await source.lead()

    await source.upkeep()

    rows, _, _ = await source.fetch(10, MANY)
    assert len(rows) == 1
    await source.resign()
