import pytest
from libs.common.tests.integration.records import append_all, fact
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from common.clock import SystemClock
from common.errors import Forbidden, TooLarge, Unavailable
from common.events import AliasState, Message, new_message
from common.events.topics import ASSETS, CATALOG
from common.ids import new_asset_id
from common.postgres.outbox import PostgresOutboxSource, append
from common.testing.kafka import redirected
from common.testing.postgres import ScratchSchema
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

MANY = 1_000_000  # bytes


def source_of(schema: ScratchSchema) -> PostgresOutboxSource:
    return PostgresOutboxSource(schema.url, "any", schema=schema.name)


def alias(sequence: int = 1) -> Message:
    asset = new_asset_id()
    return new_message(
        AliasState(asset_id=asset, duplicate_of=asset),
        source=CATALOG,
        key=f"alias/{asset}",
        sequence=sequence,
        clock=SystemClock(),
    )


async def test_a_row_is_rolled_back_with_its_transaction(schema: ScratchSchema) -> None:
    async def fails_afterwards() -> None:
        async with schema.database.write() as session:
            await append(session, fact(new_asset_id(), 1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails_afterwards()

    source = source_of(schema)
    assert await source.lead()
    assert (await source.fetch(10, MANY))[0] == []
    await source.resign()


async def test_what_comes_out_is_what_went_in(schema: ScratchSchema) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    message = fact(new_asset_id(), 7, traceparent=trace)
    await append_all(schema.database, [message])

    source = source_of(schema)
    await source.lead()
    rows, *_ = await source.fetch(10, MANY)
    await source.resign()

    assert [row[1] for row in rows] == [message]


async def test_what_is_appended_together_comes_out_in_that_order(schema: ScratchSchema) -> None:
    asset = new_asset_id()
    messages = [fact(asset, 1), alias(), fact(asset, 2)]
    async with schema.database.write() as session:
        await append(session, *messages)
    source = source_of(schema)
    await source.lead()
    rows, *_ = await source.fetch(10, MANY)
    await source.resign()
    assert [row[1].envelope.id for row in rows] == [one.envelope.id for one in messages]


async def test_rows_come_by_position_and_only_once_marked(schema: ScratchSchema) -> None:
    asset = new_asset_id()
    await append_all(schema.database, [fact(asset, n) for n in range(1, 6)])
    source = source_of(schema)
    await source.lead()

    rows, *_ = await source.fetch(3, MANY)
    assert [row[1].envelope.sequence for row in rows] == [1, 2, 3]
    await source.mark([(row[0], 0, offset) for offset, row in enumerate(rows)])

    rows, *_ = await source.fetch(3, MANY)
    assert [row[1].envelope.sequence for row in rows] == [4, 5]
    pending, age = await source.backlog()
    assert pending == 2
    assert age.total_seconds() > 0
    await source.resign()


async def test_facts_are_kept_and_payloads_of_state_are_dropped(schema: ScratchSchema) -> None:
    kept, dropped = fact(new_asset_id(), 1), alias()
    await append_all(schema.database, [kept, dropped])
    source = source_of(schema)
    await source.lead()
    rows, *_ = await source.fetch(10, MANY)
    await source.mark([(row[0], 0, 0) for row in rows])
    await source.resign()

    async with schema.database.read() as session:
        found = await session.execute(
            text("SELECT payload, payload_dropped FROM outbox ORDER BY position")
        )
        assert [tuple(row) for row in found] == [(kept.payload, False), (None, True)]


async def test_one_place_in_a_history_is_taken_once(schema: ScratchSchema) -> None:
    asset = new_asset_id()
    await append_all(schema.database, [fact(asset, 1)])

    with pytest.raises(IntegrityError):
        await append_all(schema.database, [fact(asset, 1)])


async def test_a_payload_no_broker_would_take_is_refused(schema: ScratchSchema) -> None:
    large = Message("t", "k", fact(new_asset_id(), 1).envelope, b"x" * 1_000_000)

    with pytest.raises(TooLarge):
        await append_all(schema.database, [large])


async def test_a_fact_for_the_topic_of_another_service_is_refused(schema: ScratchSchema) -> None:
    with pytest.raises(Forbidden):
        await append_all(schema.database, [redirected(fact(new_asset_id(), 1), ASSETS)])


async def test_there_is_one_leader_and_a_dead_one_is_followed(schema: ScratchSchema) -> None:
    first, second = source_of(schema), source_of(schema)
    assert await first.lead()
    assert not await second.lead()

    async with schema.database.write() as session:
        await session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = :name"
            ),
            {"name": f"reprise-{schema.name}-relay"},
        )

    assert not await first.still_leader()
    # a session's goodbye is sent before its locks are let go
    await eventually(second.lead)
    with pytest.raises(Unavailable):
        await first.fetch(1, MANY)
    await second.resign()


async def test_the_clock_read_is_older_than_what_the_select_missed(schema: ScratchSchema) -> None:
    source = source_of(schema)
    await source.lead()
    _, read_at, _ = await source.fetch(10, MANY)
    await append_all(schema.database, [fact(new_asset_id(), 1)])
    await source.resign()

    async with schema.database.read() as session:
        assert await session.scalar(text("SELECT appended_at FROM outbox")) > read_at
