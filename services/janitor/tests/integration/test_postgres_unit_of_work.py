"""The janitor's transactions against the real database."""

import asyncio

import pytest
from services.janitor.tests.integration.rows import count, states, told
from services.janitor.tests.unit.memory import MemoryRemover
from services.janitor.tests.unit.samples import (
    asset_order,
    declaration,
    keys_of,
    objects_order,
    upload_order,
)
from sqlalchemy import text

from common.errors import NotFound
from common.events import AssetPurged, ObjectPurged
from common.ids import EventId, ObjectKey, new_asset_id, new_event_id
from common.jobs.job import LeaseLost
from common.jobs.queue import JobQueue
from common.postgres.engine import Database
from janitor.adapters.postgres_orders import PURGE_KIND
from janitor.adapters.postgres_register import PostgresRegister
from janitor.adapters.postgres_unit_of_work import PostgresUnitOfWork
from janitor.domain.ledger import ObjectState
from janitor.usecases.carry_out_purge import CarryOutPurge
from janitor.usecases.declare_object import DeclareObject
from janitor.usecases.declare_objects import DeclareObjects
from janitor.usecases.order_purge import OrderPurge

pytestmark = pytest.mark.integration


async def test_a_purge_leaves_proof_and_numbered_facts_with_their_cause(
    database: Database, queue: JobQueue, unit_of_work: PostgresUnitOfWork
) -> None:
    order = asset_order()
    await OrderPurge(unit_of_work)(order)
    job = await queue.claim([PURGE_KIND])
    assert job is not None
    assert (job.id, job.subject, job.traceparent) == (order.id, order.asset_id, "00-trace")
    await CarryOutPurge(unit_of_work, MemoryRemover())(job)

    facts = await told(database, order.asset_id)
    assert [fact.type for fact in facts] == [ObjectPurged.TYPE] * 3 + [AssetPurged.TYPE]
    assert [fact.sequence for fact in facts] == [1, 2, 3, 4]
    assert {fact.headers["ce_causationid"] for fact in facts} == {str(order.cause.event_id)}
    assert {fact.headers["ce_correlationid"] for fact in facts} == {"root"}
    assert {fact.headers["traceparent"] for fact in facts} == {"00-trace"}
    for entry in await PostgresRegister(database).objects(order.asset_id, after=None, limit=9):
        assert (entry.state, entry.reason) == (ObjectState.PURGED, "grace_over")
        assert (entry.cause, entry.ordered_by) == (order.cause.event_id, "catalog")
        assert entry.purged_at is not None
    assert await queue.counts() == {"waiting": 0, "running": 0, "dead": 0}


async def test_sequences_go_on_over_several_purges_of_one_asset(
    database: Database, queue: JobQueue, unit_of_work: PostgresUnitOfWork
) -> None:
    asset_id = new_asset_id()
    keys = keys_of(asset_id)
    for order in (objects_order(asset_id, keys[:1]), asset_order(asset_id, keys)):
        await OrderPurge(unit_of_work)(order)
        job = await queue.claim([PURGE_KIND])
        assert job is not None
        await CarryOutPurge(unit_of_work, MemoryRemover())(job)
    facts = await told(database, asset_id)
    assert [fact.sequence for fact in facts] == [1, 2, 3, 4]
    assert [fact.type for fact in facts][-1] == AssetPurged.TYPE


async def test_a_fact_delivered_twice_changes_nothing_before_or_after_its_purge(
    database: Database, queue: JobQueue, unit_of_work: PostgresUnitOfWork
) -> None:
    order = upload_order()
    place = OrderPurge(unit_of_work)
    await place(order)
    await place(order)
    job = await queue.claim([PURGE_KIND])
    assert job is not None
    await CarryOutPurge(unit_of_work, MemoryRemover())(job)
    await place(order)
    assert await queue.claim([PURGE_KIND]) is None
    assert (await count(database, "purge"), await count(database, "outbox")) == (1, 2)
    assert set((await states(database, order.asset_id)).values()) == {"purged"}


async def test_a_worker_that_lost_its_lease_closes_nothing(
    database: Database, queue: JobQueue, unit_of_work: PostgresUnitOfWork
) -> None:
    order = asset_order()
    await OrderPurge(unit_of_work)(order)
    job = await queue.claim([PURGE_KIND])
    assert job is not None
    await queue.release(job)
    with pytest.raises(LeaseLost):
        await CarryOutPurge(unit_of_work, MemoryRemover())(job)
    assert set((await states(database, order.asset_id)).values()) == {"condemned"}
    assert await count(database, "outbox") == 0


@pytest.mark.parametrize("declared_first", [True, False])
async def test_whichever_topic_is_read_first_the_outcome_is_the_same(
    database: Database, unit_of_work: PostgresUnitOfWork, *, declared_first: bool
) -> None:
    order = asset_order()
    unnamed, named = declaration(order.asset_id), declaration(order.asset_id, order.keys[0])
    steps = [
        DeclareObject(unit_of_work)(unnamed),
        DeclareObject(unit_of_work)(named),
        OrderPurge(unit_of_work)(order),
    ]
    for step in steps if declared_first else reversed(steps):
        await step
    assert await states(database, order.asset_id) == dict.fromkeys(
        [unnamed.key, *order.keys], "condemned"
    )
    entries = await PostgresRegister(database).objects(order.asset_id, after=None, limit=10)
    assert {e.key: e.declared_by for e in entries if e.declared_by} == {
        unnamed.key: "transcoder",
        named.key: "transcoder",
    }


async def test_declarations_beside_the_end_of_their_asset_never_stay_alive(
    database: Database, unit_of_work: PostgresUnitOfWork
) -> None:
    order = asset_order()
    declare, place = DeclareObject(unit_of_work), OrderPurge(unit_of_work)
    racing = [declare(declaration(order.asset_id)) for _ in range(4)]
    await asyncio.gather(*racing[:2], place(order), *racing[2:])
    found = await states(database, order.asset_id)
    assert len(found) == 7
    assert set(found.values()) == {"condemned"}


async def test_failures_are_counted_on_the_order(
    unit_of_work: PostgresUnitOfWork,
) -> None:
    order = asset_order()
    await OrderPurge(unit_of_work)(order)
    for expected in (1, 2):
        async with unit_of_work.begin() as transaction:
            assert await transaction.orders.record_failure(order.id, "storage_denied") == expected
    async with unit_of_work.begin() as transaction:
        purge = await transaction.orders.find(order.id)
    assert (purge.failures, purge.last_error, purge.finished_at) == (2, "storage_denied", None)
    assert purge.order == order


async def test_an_order_nobody_placed_is_not_found(unit_of_work: PostgresUnitOfWork) -> None:
    with pytest.raises(NotFound):
        async with unit_of_work.begin() as transaction:
            await transaction.orders.find(EventId(new_event_id()))


async def test_operators_page_through_objects_and_orders_without_gaps_or_repeats(
    database: Database, unit_of_work: PostgresUnitOfWork
) -> None:
    orders = [asset_order() for _ in range(3)]
    for order in orders:
        await OrderPurge(unit_of_work)(order)
    register = PostgresRegister(database)

    newest = await register.purges(before=None, limit=2)
    last = newest[-1]
    older = await register.purges(before=(last.ordered_at, last.order.id), limit=2)
    assert [p.order.id for p in (*newest, *older)] == [order.id for order in reversed(orders)]

    keys: list[ObjectKey] = []
    while page := await register.objects(
        orders[0].asset_id, after=keys[-1] if keys else None, limit=2
    ):
        keys += [entry.key for entry in page]
    assert keys == sorted(orders[0].keys)


async def test_many_declarations_at_once_leave_what_one_after_the_other_does(
    database: Database, unit_of_work: PostgresUnitOfWork
) -> None:
    order, living, named = asset_order(), new_asset_id(), new_asset_id()
    replaced = keys_of(named)[0]
    await OrderPurge(unit_of_work)(order)
    await OrderPurge(unit_of_work)(objects_order(named, (replaced,)))
    dead, first = declaration(order.asset_id), declaration(living)
    again = declaration(living, first.key)
    batch = [dead, first, declaration(named, replaced), again, declaration(living)]
    for _ in range(2):
        await DeclareObjects(unit_of_work)(batch)

    assert set((await states(database, living)).values()) == {"living"}
    assert len(await states(database, living)) == 2
    assert await states(database, named) == {replaced: "condemned"}
    assert (await states(database, order.asset_id))[dead.key] == "condemned"
    async with database.read() as session:
        rows = await session.execute(
            text("SELECT key, declared_by, declared_event_id FROM stored_object")
        )
        declared = {row.key: row for row in rows}
    assert declared[first.key].declared_event_id == first.event_id
    assert declared[replaced].declared_by == "transcoder"
    entries = await PostgresRegister(database).objects(order.asset_id, after=None, limit=9)
    late = next(entry for entry in entries if entry.key == dead.key)
    assert (late.reason, late.cause) == ("grace_over", order.cause.event_id)


async def test_batches_over_the_same_assets_do_not_wait_for_each_other_in_a_circle(
    unit_of_work: PostgresUnitOfWork,
) -> None:
    assets = [new_asset_id() for _ in range(40)]
    forth = [declaration(asset) for asset in assets]
    back = [declaration(asset) for asset in reversed(assets)]
    async with asyncio.timeout(20):
        await asyncio.gather(*(DeclareObjects(unit_of_work)(b) for b in [forth, back] * 4))
